/**
 * Errors as they cross the API: RFC 9457 problem details with makima's own `code`.
 * The table fixes which HTTP status a code answers with; docs/errors has a page for each.
 */
import { z } from "zod";

export const PROBLEMS = {
  NOT_FOUND: { status: 404, title: "Not found" },
  CONTRACT_NOT_FOUND: { status: 404, title: "Contract not found" },
  TASK_NOT_FOUND: { status: 404, title: "Task not found" },
  DAEMON_NOT_FOUND: { status: 404, title: "Daemon not found" },
  QUESTION_NOT_FOUND: { status: 404, title: "Question not found" },
  API_KEY_NOT_FOUND: { status: 404, title: "API key not found" },
  CHECKPOINT_NOT_FOUND: { status: 404, title: "Checkpoint not found" },
  INVALID_TRANSITION: { status: 400, title: "This change is not possible now" },
  VERSION_CONFLICT: { status: 409, title: "Someone changed it meanwhile" },
  PHASE_GUARD_REQUIRED: { status: 409, title: "The phase guard wants a person" },
  INVALID_DELIVERABLE: { status: 400, title: "The phase has no such deliverable" },
  VALIDATION_FAILED: { status: 400, title: "The request is not valid" },
  SUPERVISOR_NOT_FOUND: { status: 404, title: "The contract has no supervisor" },
  SUPERVISOR_DEAD: { status: 503, title: "The supervisor does not answer" },
  STALE_LEASE: { status: 409, title: "The lease is no longer held" },
  ALREADY_ANSWERED: { status: 409, title: "The question was answered already" },
  UNAUTHORIZED: { status: 401, title: "Not signed in" },
  FORBIDDEN: { status: 403, title: "Not allowed" },
  RATE_LIMITED: { status: 429, title: "Too many requests" },
  PAYLOAD_TOO_LARGE: { status: 413, title: "The request is too large" },
  NO_DAEMON: { status: 409, title: "No daemon can do this" },
  LLM_NOT_CONFIGURED: { status: 409, title: "No language model is configured" },
  IDEMPOTENCY_MISMATCH: { status: 422, title: "The idempotency key was used for another request" },
  DB_UNAVAILABLE: { status: 503, title: "The database does not answer" },
  INTERNAL: { status: 500, title: "Something went wrong in makima" },
} as const satisfies Record<string, { status: number; title: string }>;

export type ProblemCode = keyof typeof PROBLEMS;

export const fieldErrorSchema = z.object({
  /** JSON pointer into the body, or the name of a parameter. */
  pointer: z.string(),
  message: z.string(),
});

export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
  message: z.string(),
  instance: z.string().optional(),
  details: z.record(z.string(), z.unknown()).optional(),
  errors: z.array(fieldErrorSchema).optional(),
  /** What to do next: commands or links. */
  next: z.array(z.string()).optional(),
  requestId: z.string(),
});

export type Problem = z.infer<typeof problemSchema>;
export type FieldError = z.infer<typeof fieldErrorSchema>;

/** Address of the page that explains a code; relative, so that it works where the docs are served. */
export function problemType(code: ProblemCode): string {
  return `/docs/errors/${code.toLowerCase().replaceAll("_", "-")}`;
}
