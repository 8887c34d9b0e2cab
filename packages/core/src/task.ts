/**
 * The life of a task, as a state machine.
 *
 * A task waits (`pending`) until the server gives it to a daemon (`assigned`); the daemon makes a
 * worktree and a process (`starting`) and the agent works (`running`). What stops it for a while
 * *parks* it: the run ends, and with it lease, slot and key, while worktree and session are kept
 * (`blocked` when something outside is in the way, `paused` when a person asked). Waking makes a
 * new run of the same attempt. Only a run that was lost raises `attempt`. `done`, `failed` and
 * `cancelled` are final; `retry` starts over.
 *
 * Every run carries a lease epoch. An event from a run of an older epoch changes nothing: the step
 * answers the refusal `staleLease`, so that a daemon that was away learns that it is no longer the owner.
 */

export const TASK_STATUSES = [
  "pending",
  "assigned",
  "starting",
  "running",
  "paused",
  "blocked",
  "done",
  "failed",
  "interrupted",
  "cancelled",
] as const;
export type TaskStatus = (typeof TASK_STATUSES)[number];

/** What a parked task waits for. `person` reasons wait for a decision, the others end by themselves. */
export const PARK_REASONS = [
  "paused",
  "usage_limit",
  "auth",
  "question",
  "disk_full",
  "circuit_breaker",
  "limit_reached",
  "single_task",
  "no_test_command",
  "setup_required",
] as const;
export type ParkReason = (typeof PARK_REASONS)[number];

/** Why a final task failed, or what an error of a run was: the classes of `playbook.ts`. */
export const ERROR_KINDS = [
  "auth",
  "usage_limit",
  "overloaded",
  "network",
  "context_exhausted",
  "crash",
  "agent_missing",
  "repo",
  "disk_full",
  "sandbox",
  "timeout",
  "limit_reached",
  "unknown",
] as const;
export type ErrorKind = (typeof ERROR_KINDS)[number];

export interface TaskError {
  kind: ErrorKind;
  message: string;
}

export interface TaskState {
  status: TaskStatus;
  /** Epoch of the newest run; 0 before the first. */
  epoch: number;
  /** Runs that were lost, plus one. Starts at 1. */
  attempt: number;
  maxAttempts: number;
  /** Set while a run is asked to stop so that the task can pause. */
  pauseRequested: boolean;
  blockedBy?: ParkReason;
  /** Epoch milliseconds at which a parked task wakes by itself. */
  wakeAt?: number;
  error?: TaskError;
}

/** How a run ended, as the daemon that held it reports. */
export type RunOutcome =
  | { type: "done" }
  | { type: "failed"; error: TaskError }
  | { type: "parked"; reason: ParkReason; detail?: string; wakeAt?: number };

export type TaskEvent =
  | { type: "placed" }
  | { type: "preparing"; epoch: number }
  | { type: "running"; epoch: number }
  | { type: "ended"; epoch: number; outcome: RunOutcome }
  | { type: "lost"; epoch: number; message: string }
  | { type: "woken" }
  | { type: "continued" }
  | { type: "pause" }
  | { type: "cancel" }
  | { type: "retry" }
  | { type: "dependencyFailed"; message: string };

/** What the server must do beside storing the new state; data, carried out by its jobs. */
export type TaskEffect =
  | { type: "place" }
  | { type: "stopRun"; epoch: number; manner: "pause" | "cancel" }
  | { type: "endRun"; epoch: number }
  | { type: "taskEnded" };

export type TaskRefusal =
  | { type: "staleLease"; epoch: number; current: number }
  | { type: "invalidTransition"; from: TaskStatus; event: TaskEvent["type"]; allowed: TaskEvent["type"][] };

export type TaskStep =
  | {
      ok: true;
      state: TaskState;
      effects: TaskEffect[];
      /** Statuses passed through, oldest first; the last is `state.status`. */ passed: TaskStatus[];
    }
  | { ok: false; refusal: TaskRefusal };

/** Which events each status takes. The table is the whole truth: what it does not list is refused. */
export const TASK_EVENTS = {
  pending: ["placed", "pause", "cancel", "dependencyFailed"],
  assigned: ["preparing", "running", "ended", "lost", "pause", "cancel"],
  starting: ["running", "ended", "lost", "pause", "cancel"],
  running: ["ended", "lost", "pause", "cancel"],
  paused: ["woken", "continued", "cancel"],
  blocked: ["woken", "continued", "pause", "cancel"],
  done: ["retry"],
  failed: ["retry"],
  interrupted: ["retry", "cancel"],
  cancelled: ["retry"],
} as const satisfies Record<TaskStatus, readonly TaskEvent["type"][]>;

const LIVE = new Set<TaskStatus>(["assigned", "starting", "running"]);
const FINAL = new Set<TaskStatus>(["done", "failed", "cancelled"]);

/** Whether a task of this status has a run that holds a lease. */
export function hasLiveRun(status: TaskStatus): boolean {
  return LIVE.has(status);
}

/** Whether a task of this status is over; only `retry` leaves it. */
export function isFinal(status: TaskStatus): boolean {
  return FINAL.has(status);
}

/** Decides what `event` makes of `state`. Pure: the caller stores the state and carries out the effects. */
export function stepTask(state: TaskState, event: TaskEvent): TaskStep {
  const allowed: readonly TaskEvent["type"][] = TASK_EVENTS[state.status];
  if ("epoch" in event && event.epoch !== state.epoch) {
    return { ok: false, refusal: { type: "staleLease", epoch: event.epoch, current: state.epoch } };
  }
  if (!allowed.includes(event.type)) {
    if ("epoch" in event && !LIVE.has(state.status)) {
      return { ok: false, refusal: { type: "staleLease", epoch: event.epoch, current: state.epoch } };
    }
    return {
      ok: false,
      refusal: { type: "invalidTransition", from: state.status, event: event.type, allowed: [...allowed] },
    };
  }
  switch (event.type) {
    case "placed":
      return moved({ ...clean(state), status: "assigned", epoch: state.epoch + 1 });
    case "preparing":
      return moved({ ...state, status: "starting" });
    case "running":
      return moved({ ...state, status: "running" });
    case "ended":
      return ended(state, event.outcome);
    case "lost":
      return lost(state, event.message);
    case "woken":
    case "continued":
      return moved({ ...clean(state), status: "pending" }, [{ type: "place" }]);
    case "pause":
      return paused(state);
    case "cancel":
      return cancelled(state);
    case "retry":
      return moved({ ...clean(state), status: "pending", attempt: 1 }, [{ type: "place" }]);
    case "dependencyFailed":
      return moved(
        { ...clean(state), status: "failed", error: { kind: "unknown", message: event.message } },
        [{ type: "taskEnded" }],
      );
  }
}

function ended(state: TaskState, outcome: RunOutcome): TaskStep {
  const end: TaskEffect = { type: "endRun", epoch: state.epoch };
  switch (outcome.type) {
    case "done":
      return moved({ ...clean(state), status: "done" }, [end, { type: "taskEnded" }]);
    case "failed":
      return moved({ ...clean(state), status: "failed", error: outcome.error }, [end, { type: "taskEnded" }]);
    case "parked": {
      const status = outcome.reason === "paused" ? "paused" : "blocked";
      const next: TaskState = { ...clean(state), status };
      if (status === "blocked") next.blockedBy = outcome.reason;
      if (outcome.wakeAt !== undefined) next.wakeAt = outcome.wakeAt;
      return moved(next, [end]);
    }
  }
}

function lost(state: TaskState, message: string): TaskStep {
  const end: TaskEffect = { type: "endRun", epoch: state.epoch };
  const next: TaskState = { ...clean(state), epoch: state.epoch + 1 };
  if (state.pauseRequested) return moved({ ...next, status: "paused" }, [end], ["interrupted"]);
  if (state.attempt >= state.maxAttempts) {
    const error: TaskError = {
      kind: "crash",
      message: `${message} (attempt ${state.attempt} of ${state.maxAttempts})`,
    };
    return moved({ ...next, status: "failed", error }, [end, { type: "taskEnded" }], ["interrupted"]);
  }
  return moved(
    { ...next, status: "pending", attempt: state.attempt + 1 },
    [end, { type: "place" }],
    ["interrupted"],
  );
}

function paused(state: TaskState): TaskStep {
  if (!LIVE.has(state.status)) return moved({ ...clean(state), status: "paused" });
  if (state.pauseRequested) return moved(state);
  return moved({ ...state, pauseRequested: true }, [
    { type: "stopRun", epoch: state.epoch, manner: "pause" },
  ]);
}

/** Cancelling does not wait for the daemon: the epoch rises at once, so nothing that run says counts any more. */
function cancelled(state: TaskState): TaskStep {
  const next: TaskState = { ...clean(state), status: "cancelled" };
  if (!LIVE.has(state.status)) return moved(next, [{ type: "taskEnded" }]);
  return moved({ ...next, epoch: state.epoch + 1 }, [
    { type: "stopRun", epoch: state.epoch, manner: "cancel" },
    { type: "endRun", epoch: state.epoch },
    { type: "taskEnded" },
  ]);
}

function clean(state: TaskState): TaskState {
  const { status, epoch, attempt, maxAttempts } = state;
  return { status, epoch, attempt, maxAttempts, pauseRequested: false };
}

function moved(state: TaskState, effects: TaskEffect[] = [], through: TaskStatus[] = []): TaskStep {
  return { ok: true, state, effects, passed: [...through, state.status] };
}
