/**
 * The verdict after one iteration: done, once more, wait, give up, or mend first.
 *
 * The daemon's loop is small because this file holds its rules. After an iteration it asks `wantsChecks`
 * whether the criteria are to be run, runs them, and asks `decide`:
 *
 * - A failure (`classify`) comes first. It is answered `recover`, for the playbook, except that a task of one
 *   iteration whose agent simply ended with an exit code of its own has failed.
 * - A supervisor that ends its turn waits, whatever it says: parked as paused.
 * - A task outside the autonomous loop has one iteration: its checks pass and it is done, or it has failed.
 * - `singleTask` stops after one iteration too: done if ready and checked, else parked for a person.
 * - In the autonomous loop: ready and every check passes → done. Else the circuit breaker counts the
 *   iteration; open → parked with its reason; closed → once more, told exactly what is in the way.
 *
 * Ready is an agent's word, so done needs the checks too. Where tests are required, no test command is
 * a reason to stop and ask, and tests that were deleted, skipped or weakened are not accepted.
 */
import { recordIteration, type BreakerState } from "./circuit-breaker.ts";
import type { Failure } from "./classify.ts";
import type { Gate } from "./completion-gate.ts";
import { playFor } from "./playbook.ts";
import type { ErrorKind, ParkReason, TaskError } from "./task.ts";

export interface CheckOutcome {
  /** The criterion as a person would read it. */
  criterion: string;
  ok: boolean;
  command?: string;
  exitCode?: number;
  /** The end of the output, for the agent to read. */
  outputTail?: string;
  /** Nothing could be run: it neither holds nor fails. `ok` is then ignored. */
  unverified?: boolean;
}

export interface Tests {
  /** No test command was found, or it could not be run. */
  unverifiable: boolean;
  /** What was done to the proof itself: "deleted test/a.test.ts", "12 tests fewer than at the base commit". */
  tampered: readonly string[];
}

export interface LoopRules {
  supervisor: boolean;
  autonomous: boolean;
  singleTask: boolean;
  requireTests: boolean;
}

export interface IterationFacts {
  rules: LoopRules;
  breaker: BreakerState;
  /** From `classify`; undefined when the agent ended well. */
  failure?: Failure;
  exitCode?: number;
  gate?: Gate;
  /** Outcomes of the criteria; empty unless `wantsChecks`. */
  checks: readonly CheckOutcome[];
  tests?: Tests;
  /** Whether the tree differs from the last iteration's. */
  changed: boolean;
}

export type Verdict =
  | { type: "done"; /** Nothing could be run that would prove it. */ unverified: boolean }
  | {
      type: "continue";
      because: "not_ready" | "no_gate" | "check_failed" | "tests_tampered";
      feedback: string[];
    }
  | { type: "park"; reason: ParkReason; detail: string }
  | { type: "fail"; error: TaskError }
  | ({ type: "recover" } & Failure);

export interface Decision {
  verdict: Verdict;
  /** The breaker's next state, to be stored. */
  breaker: BreakerState;
}

/** Whether the criteria are to be run before `decide`. */
export function wantsChecks(facts: Pick<IterationFacts, "rules" | "failure" | "gate">): boolean {
  if (facts.failure || facts.rules.supervisor) return false;
  return saysReady(facts);
}

/** The verdict on one iteration, and the breaker after it. */
export function decide(facts: IterationFacts): Decision {
  const { rules } = facts;
  if (facts.failure) return afterFailure(facts, facts.failure);
  if (rules.supervisor) {
    const detail = "The supervisor waits for a message, an answer or a task";
    return { verdict: { type: "park", reason: "paused", detail }, breaker: facts.breaker };
  }
  const ready = saysReady(facts);
  const failed = ready ? failedChecks(facts) : [];
  const error = failed[0]?.summary ?? facts.gate?.blockers[0];
  const breaker = recordIteration(facts.breaker, {
    changed: facts.changed,
    ready,
    ...(ready && failed.length === 0 ? {} : { error }),
  });
  if (ready && failed.length === 0) {
    const { open: _, ...closed } = breaker;
    return { verdict: accepted(facts), breaker: closed };
  }
  return { verdict: rejected(facts, ready, failed, breaker), breaker };
}

function saysReady({ rules, gate }: Pick<IterationFacts, "rules" | "gate">): boolean {
  return rules.autonomous || rules.singleTask ? gate?.ready === true : true;
}

function accepted({ rules, checks, tests }: IterationFacts): Verdict {
  if (rules.requireTests && (tests?.unverifiable ?? true)) {
    const detail =
      "Tests are required, and no test command was found: name one (test_command), or accept without";
    return { type: "park", reason: "no_test_command", detail };
  }
  return { type: "done", unverified: checks.every((check) => check.unverified === true) };
}

function rejected(
  facts: IterationFacts,
  ready: boolean,
  failed: FailedCheck[],
  breaker: BreakerState,
): Verdict {
  const { rules, gate } = facts;
  const summary = failed.map((check) => check.summary).join("; ");
  if (rules.singleTask) {
    const said = gate ? (gate.reason ?? gate.blockers[0] ?? "no reason given") : "no completion gate";
    const detail = ready ? summary : `Not ready: ${said}`;
    return { type: "park", reason: "single_task", detail: `Stopped after one iteration. ${detail}` };
  }
  if (!rules.autonomous) {
    return { type: "fail", error: { kind: "unknown", message: `Checks failed: ${summary}` } };
  }
  if (breaker.open) return { type: "park", reason: "circuit_breaker", detail: breaker.open.reason };
  if (ready) {
    const because = failed.some((check) => !check.tampering) ? "check_failed" : "tests_tampered";
    return { type: "continue", because, feedback: failed.map((check) => check.feedback) };
  }
  return gate
    ? { type: "continue", because: "not_ready", feedback: blockersOf(gate) }
    : { type: "continue", because: "no_gate", feedback: [] };
}

function blockersOf(gate: Gate): string[] {
  if (gate.blockers.length > 0) return [...gate.blockers];
  return gate.reason === undefined ? [] : [gate.reason];
}

interface FailedCheck {
  summary: string;
  feedback: string;
  tampering: boolean;
}

function failedChecks({ rules, checks, tests }: IterationFacts): FailedCheck[] {
  const failed: FailedCheck[] = [];
  for (const check of checks) {
    if (check.ok || check.unverified) continue;
    const exit = check.exitCode === undefined ? "" : ` (exit code ${check.exitCode})`;
    const command = check.command === undefined ? "" : `\n$ ${check.command}`;
    const output = check.outputTail?.trim() ? `\n${check.outputTail.trimEnd()}` : "";
    const summary = `${check.criterion}${exit}`;
    failed.push({ summary, feedback: `${summary}${command}${output}`, tampering: false });
  }
  if (rules.requireTests && tests && tests.tampered.length > 0) {
    const summary = `The tests were weakened: ${tests.tampered.join("; ")}`;
    failed.push({
      summary,
      feedback: `${summary}. Restore them; make the code pass instead.`,
      tampering: true,
    });
  }
  return failed;
}

/** Failures of the agent's own making; for all others the world around it is what must be mended. */
const OWN_FAULT = new Set<ErrorKind>(["crash", "timeout", "unknown"]);

function afterFailure(facts: IterationFacts, failure: Failure): Decision {
  const { rules } = facts;
  const breaker =
    playFor(failure.kind).costsIteration && !rules.supervisor
      ? recordIteration(facts.breaker, { changed: facts.changed, error: failure.message, ready: false })
      : facts.breaker;
  const loops = rules.supervisor || (rules.autonomous && !rules.singleTask);
  // Codes above 128 stand for signals: something else ended it, and its session can go on.
  const endedItself = facts.exitCode !== undefined && facts.exitCode <= 128;
  if (!loops && endedItself && OWN_FAULT.has(failure.kind) && !failure.sessionLost) {
    return {
      verdict: { type: "fail", error: { kind: failure.kind, message: named(failure, facts) } },
      breaker,
    };
  }
  if (loops && breaker.open) {
    const detail = `${breaker.open.reason}. Last error: ${failure.message}`;
    return { verdict: { type: "park", reason: "circuit_breaker", detail }, breaker };
  }
  return { verdict: { type: "recover", ...failure }, breaker };
}

function named(failure: Failure, facts: IterationFacts): string {
  const code = `Exit code: ${facts.exitCode}`;
  return failure.message.includes(code) ? failure.message : `${failure.message} (${code})`;
}
