/** What ends or interrupts a run from outside its loop. */
import type { ErrorKind } from "@makima/core/task";
import type { StopManner } from "../journal/runs.ts";

/**
 * Why an agent is stopped before its turn is over. `pause`, `cancel` and `lost` come from the server; `fence` when
 * the server was not heard for too long; `shutdown` when the daemon itself ends; `timeout` and `budget` from limits;
 * `question` when nobody answered in time.
 */
export type StopReason = StopManner | "fence" | "shutdown" | "timeout" | "runtime" | "question";

/** Thrown through the loop of a run that is to stop. */
export class RunStopped extends Error {
  override readonly name = "RunStopped";
  readonly reason: StopReason;

  constructor(reason: StopReason) {
    super(`The run was stopped: ${reason}.`);
    this.reason = reason;
  }
}

/** A failure of the world that a playbook knows what to do about. */
export class RunError extends Error {
  override readonly name = "RunError";
  readonly code: ErrorKind;
  /** Trying again would meet the same: only a person can change what is wrong. */
  readonly final: boolean;

  constructor(code: ErrorKind, message: string, cause?: unknown, final = false) {
    super(message, { cause });
    this.code = code;
    this.final = final;
  }
}
