/** What each problem means and what to do about it; the pages of docs/errors are made from this table. */
import type { ProblemCode } from "./problem.ts";

export interface ProblemHelp {
  /** When it is answered. */
  when: string;
  /** What helps. */
  next: string;
}

export const PROBLEM_HELP = {
  NOT_FOUND: {
    when: "No route or thing of this name exists, or it belongs to another owner.",
    next: "Check the address; `/docs` of the server lists the routes.",
  },
  CONTRACT_NOT_FOUND: {
    when: "No contract of yours has this id, short id or beginning of an id.",
    next: "`makima contracts list` shows yours. A beginning must fit one contract only.",
  },
  TASK_NOT_FOUND: {
    when: "No task of yours has this id, short id or beginning of an id.",
    next: "`makima tasks list` shows yours. A beginning must fit one task only.",
  },
  DAEMON_NOT_FOUND: {
    when: "No daemon of yours has this id or name.",
    next: "`makima status` shows the daemons.",
  },
  QUESTION_NOT_FOUND: {
    when: "No question of yours has this id.",
    next: "`makima inbox` shows what waits for you.",
  },
  API_KEY_NOT_FOUND: {
    when: "No API key of yours has this id.",
    next: "`makima api-keys list` shows them.",
  },
  CHECKPOINT_NOT_FOUND: {
    when: "The task has no checkpoint of this number.",
    next: "`makima tasks checkpoints ID` shows them.",
  },
  INVALID_TRANSITION: {
    when: "The contract or task cannot go from its status to the one asked for. `details.allowed` names what is possible.",
    next: "`makima tasks show ID` or `makima contracts show ID`. Paused tasks take `resume`, blocked ones `continue`, final ones `retry`.",
  },
  VERSION_CONFLICT: {
    when: "The record was changed since you read it. With `If-Match` the status is 412. `details` holds `expected`, `actual` and the record as it is now.",
    next: "Read it again, look at what changed, and repeat your change with the new version.",
  },
  PHASE_GUARD_REQUIRED: {
    when: "The contract's phase guard is on and the change of phase was not confirmed by a person.",
    next: "Look at the deliverables in `details` and confirm in person.",
  },
  INVALID_DELIVERABLE: {
    when: "The phase has no deliverable of this name. `details` names the valid ones.",
    next: "Use one of the names given.",
  },
  VALIDATION_FAILED: {
    when: "The request does not have the form that the route takes. `errors` names each field by its JSON pointer.",
    next: "Correct the named fields. `/docs` shows the form.",
  },
  SUPERVISOR_NOT_FOUND: {
    when: "The contract has no supervisor.",
    next: "Only contracts of a type with a supervisor have one; `makima contracts show ID` names the type.",
  },
  SUPERVISOR_DEAD: {
    when: "The contract's supervisor was not heard for too long.",
    next: "It is restored by itself where it can be; `makima contracts show ID` says how it stands.",
  },
  STALE_LEASE: {
    when: "A run asked for or reported something that only the task's current run may. Its epoch is older than the task's.",
    next: "Nothing for a person to do: the daemon stops the old run and keeps its work on a ref.",
  },
  ALREADY_ANSWERED: {
    when: "Somebody else answered the question first. `details` says who and what.",
    next: "Write to the task with `makima tasks message` if it needs to know more.",
  },
  UNAUTHORIZED: {
    when: "There is no key or session, or it is unknown, expired or revoked.",
    next: "`makima whoami` says which key is used and where it comes from; `makima login` stores another. A `MAKIMA_API_KEY` in the environment wins over a login.",
  },
  FORBIDDEN: {
    when: "The key is right and may not do this: a task's key reaches its own contract only and cannot approve; or the page or host that asks is not allowed.",
    next: "Use a person's key with the scope that is named, or the address under which the server knows itself.",
  },
  RATE_LIMITED: {
    when: "Too many requests in a short time. `Retry-After` says how many seconds to wait.",
    next: "Wait and try again.",
  },
  PAYLOAD_TOO_LARGE: {
    when: "The body is larger than the route takes (1 MiB).",
    next: "Put long text into a file of the repository and name it in the goal.",
  },
  NO_DAEMON: {
    when: "What is asked for needs a daemon, and none that could do it is connected. `details` says what is asked for and what is connected.",
    next: "`makima status` shows the daemons; start one with `makima up` or `makima daemon` on the machine that has the repository.",
  },
  LLM_NOT_CONFIGURED: {
    when: "The route needs a language model on the server, and none is set up.",
    next: "Everything else works without one.",
  },
  IDEMPOTENCY_MISMATCH: {
    when: "The `Idempotency-Key` was used for another request in the last 24 hours.",
    next: "Use a new key for a new request.",
  },
  DB_UNAVAILABLE: {
    when: "The server cannot reach its database. Daemons keep working and hold their reports meanwhile.",
    next: "Wait (`Retry-After`); `makima doctor` looks at the database.",
  },
  INTERNAL: {
    when: "A bug in makima. Nothing was changed by the request.",
    next: "Report it with the `requestId`, which finds the log line.",
  },
} as const satisfies Record<ProblemCode, ProblemHelp>;
