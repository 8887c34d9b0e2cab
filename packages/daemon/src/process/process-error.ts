/**
 * What the world can do to a process: worded once, with the next step in the sentence.
 *
 * `kind` is the class by which the run loop decides what comes next; `code` says exactly what it was.
 */
import type { ErrorKind } from "@makima/core/task";

export type ProcessErrorCode =
  | "agent_missing"
  | "cwd_missing"
  | "sandbox_missing"
  | "sandbox_failed"
  | "argument_too_long"
  | "disk_full"
  | "too_many_processes"
  | "spawn_failed"
  | "stdin_closed"
  | "timed_out";

const KINDS: Record<ProcessErrorCode, ErrorKind> = {
  agent_missing: "agent_missing",
  cwd_missing: "repo",
  sandbox_missing: "sandbox",
  sandbox_failed: "sandbox",
  argument_too_long: "unknown",
  disk_full: "disk_full",
  too_many_processes: "overloaded",
  spawn_failed: "crash",
  stdin_closed: "crash",
  timed_out: "timeout",
};

export class ProcessError extends Error {
  override readonly name = "ProcessError";
  readonly code: ProcessErrorCode;
  readonly kind: ErrorKind;

  constructor(code: ProcessErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.kind = KINDS[code];
  }
}

/** Whether `error` is one of Node's system errors of this code, such as `ENOENT`. */
export function hasCode(error: unknown, ...codes: string[]): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" && codes.includes(code);
}
