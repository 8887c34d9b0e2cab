/**
 * The circuit breaker: what stops a loop that gets nowhere.
 *
 * After every iteration three things are looked at, in this order: too many iterations, too many in a row
 * that changed no file, too many in a row with the same error. The iteration that reaches a threshold opens
 * the breaker; its loop stops, and a person decides (more iterations, a new instruction, or the end).
 *
 * The state is plain data and is stored with its run, so that a restart in the middle counts on. An
 * iteration that says ready and shows no error is a success: it clears the two rows, never the total.
 */
import { fingerprint } from "./error-fingerprint.ts";

export interface BreakerThresholds {
  maxIterations: number;
  /** Iterations in a row without a changed file. */
  noChange: number;
  /** Iterations in a row with the same error. */
  sameError: number;
}

export interface BreakerOpen {
  kind: "max_iterations" | "no_change" | "same_error";
  reason: string;
}

export interface BreakerState {
  thresholds: BreakerThresholds;
  iterations: number;
  /** Length of the running row without changes. */
  unchanged: number;
  /** Length of the running row of one error. */
  repeated: number;
  /** Fingerprint of the newest error. */
  lastError?: string;
  open?: BreakerOpen;
}

export interface IterationRecord {
  /** Whether the tree differs from the last iteration's. */
  changed: boolean;
  /** The failed check, else the gate's first blocker, else none. */
  error?: string;
  /** What the gate said. */
  ready: boolean;
}

export const DEFAULT_THRESHOLDS: BreakerThresholds = { maxIterations: 10, noChange: 3, sameError: 5 };
/** The most iterations that one run may be given at once. */
export const HARD_LIMIT = 50;

/** A closed breaker. `maxIterations` is kept between 1 and `hardLimit`, the other thresholds above 0. */
export function newBreaker(
  thresholds: Partial<BreakerThresholds> = {},
  hardLimit = HARD_LIMIT,
): BreakerState {
  const wanted = { ...DEFAULT_THRESHOLDS, ...thresholds };
  return {
    thresholds: {
      maxIterations: Math.max(1, Math.min(wanted.maxIterations, hardLimit)),
      noChange: Math.max(1, wanted.noChange),
      sameError: Math.max(1, wanted.sameError),
    },
    iterations: 0,
    unchanged: 0,
    repeated: 0,
  };
}

/** The state after one more iteration; `open` is set if that one reached a threshold. */
export function recordIteration(state: BreakerState, iteration: IterationRecord): BreakerState {
  const error = iteration.error?.trim() ? iteration.error.trim() : undefined;
  const success = iteration.ready && error === undefined;
  const next: BreakerState = {
    thresholds: state.thresholds,
    iterations: state.iterations + 1,
    unchanged: success || iteration.changed ? 0 : state.unchanged + 1,
    repeated: 0,
  };
  if (error !== undefined) {
    next.lastError = fingerprint(error);
    next.repeated = next.lastError === state.lastError ? state.repeated + 1 : 1;
  }
  const open = opening(next, error);
  return open ? { ...next, open } : next;
}

function opening(state: BreakerState, error: string | undefined): BreakerOpen | undefined {
  const { thresholds, iterations, unchanged, repeated } = state;
  if (iterations >= thresholds.maxIterations) {
    return { kind: "max_iterations", reason: `Maximum iterations (${thresholds.maxIterations}) reached` };
  }
  if (unchanged >= thresholds.noChange) {
    return { kind: "no_change", reason: `No file changes for ${unchanged} consecutive runs` };
  }
  if (repeated >= thresholds.sameError) {
    return { kind: "same_error", reason: `Same error repeated ${repeated} times: ${error}` };
  }
  return undefined;
}

/** Starts counting anew, with the same thresholds. */
export function reset(state: BreakerState): BreakerState {
  return { thresholds: state.thresholds, iterations: 0, unchanged: 0, repeated: 0 };
}

/**
 * Closes the breaker for `moreIterations` beyond those already made (at least 1, at most `hardLimit`), as
 * a person grants them. The rows start anew; the total goes on, so that it still reads "iteration 11 of 15".
 */
export function raise(state: BreakerState, moreIterations: number, hardLimit = HARD_LIMIT): BreakerState {
  const more = Math.max(1, Math.min(moreIterations, hardLimit));
  const maxIterations = state.iterations + more;
  return {
    ...reset(state),
    iterations: state.iterations,
    thresholds: { ...state.thresholds, maxIterations },
  };
}
