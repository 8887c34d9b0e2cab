import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import {
  ERROR_KINDS,
  hasLiveRun,
  isFinal,
  PARK_REASONS,
  stepTask,
  TASK_EVENTS,
  TASK_STATUSES,
  type RunOutcome,
  type TaskEffect,
  type TaskEvent,
  type TaskState,
  type TaskStatus,
} from "./task.ts";

const EPOCH = 4;
const state = (status: TaskStatus, rest: Partial<TaskState> = {}): TaskState => ({
  status,
  epoch: EPOCH,
  attempt: 1,
  maxAttempts: 3,
  pauseRequested: false,
  ...rest,
});
const done: RunOutcome = { type: "done" };
const failed: RunOutcome = { type: "failed", error: { kind: "crash", message: "x" } };
const parked: RunOutcome = { type: "parked", reason: "usage_limit", wakeAt: 9 };
const EVENTS: Record<TaskEvent["type"], TaskEvent> = {
  placed: { type: "placed" },
  preparing: { type: "preparing", epoch: EPOCH },
  running: { type: "running", epoch: EPOCH },
  ended: { type: "ended", epoch: EPOCH, outcome: done },
  lost: { type: "lost", epoch: EPOCH, message: "its daemon is gone" },
  woken: { type: "woken" },
  continued: { type: "continued" },
  pause: { type: "pause" },
  cancel: { type: "cancel" },
  retry: { type: "retry" },
  dependencyFailed: { type: "dependencyFailed", message: "t-1 failed" },
};

/** What each event makes of each status that takes it; "" where it is refused. */
const TABLE: Record<TaskEvent["type"], Partial<Record<TaskStatus, TaskStatus>>> = {
  placed: { pending: "assigned" },
  preparing: { assigned: "starting" },
  running: { assigned: "running", starting: "running" },
  ended: { assigned: "done", starting: "done", running: "done" },
  lost: { assigned: "pending", starting: "pending", running: "pending" },
  woken: { paused: "pending", blocked: "pending" },
  continued: { paused: "pending", blocked: "pending" },
  pause: {
    pending: "paused",
    assigned: "assigned",
    starting: "starting",
    running: "running",
    blocked: "paused",
  },
  cancel: {
    pending: "cancelled",
    assigned: "cancelled",
    starting: "cancelled",
    running: "cancelled",
    paused: "cancelled",
    blocked: "cancelled",
    interrupted: "cancelled",
  },
  retry: { done: "pending", failed: "pending", interrupted: "pending", cancelled: "pending" },
  dependencyFailed: { pending: "failed" },
};

describe("a task", () => {
  for (const status of TASK_STATUSES) {
    it(`that is ${status} takes exactly the events of the table`, () => {
      for (const event of Object.values(EVENTS)) {
        const step = stepTask(state(status), event);
        const expected = TABLE[event.type][status];
        assert.equal(step.ok ? step.state.status : undefined, expected, event.type);
        if (step.ok) continue;
        const stale = "epoch" in event && !hasLiveRun(status);
        assert.equal(step.refusal.type, stale ? "staleLease" : "invalidTransition", event.type);
        if (step.refusal.type === "invalidTransition")
          assert.deepEqual(step.refusal.allowed, [...TASK_EVENTS[status]]);
      }
    });
  }

  it("fails, is blocked or is paused as its run ended", () => {
    const end = (outcome: RunOutcome) => stepTask(state("running"), { type: "ended", epoch: EPOCH, outcome });
    const after = [failed, parked, { type: "parked", reason: "paused" } as const].map((outcome) => {
      const step = end(outcome);
      assert.ok(step.ok);
      assert.deepEqual(step.effects[0], { type: "endRun", epoch: EPOCH });
      return step.state;
    });
    assert.deepEqual(after[0], state("failed", { error: { kind: "crash", message: "x" } }));
    assert.deepEqual(after[1], state("blocked", { blockedBy: "usage_limit", wakeAt: 9 }));
    assert.deepEqual(after[2], state("paused"));
  });

  it("whose run was lost is interrupted and waits again, one attempt later, at a higher epoch", () => {
    const step = stepTask(state("running"), EVENTS.lost);
    assert.ok(step.ok);
    assert.deepEqual(step.state, state("pending", { attempt: 2, epoch: EPOCH + 1 }));
    assert.deepEqual(step.passed, ["interrupted", "pending"]);
  });

  it("whose attempts are used up fails when its run is lost", () => {
    const step = stepTask(state("running", { attempt: 3 }), EVENTS.lost);
    assert.ok(step.ok);
    assert.deepEqual(step.passed, ["interrupted", "failed"]);
    assert.equal(step.state.error?.message, "its daemon is gone (attempt 3 of 3)");
    assert.ok(step.effects.some((effect) => effect.type === "taskEnded"));
  });

  it("that was to pause is paused when its run is lost", () => {
    const step = stepTask(state("running", { pauseRequested: true }), EVENTS.lost);
    assert.equal(step.ok && step.state.status, "paused");
  });

  it("asks its run to stop once, however often it is told to pause", () => {
    const first = stepTask(state("running"), EVENTS.pause);
    assert.ok(first.ok);
    assert.deepEqual(first.effects, [{ type: "stopRun", epoch: EPOCH, manner: "pause" }]);
    const second = stepTask(first.state, EVENTS.pause);
    assert.deepEqual(second.ok && second.effects, []);
  });

  it("that is cancelled while it runs takes no word of that run any more", () => {
    const step = stepTask(state("running"), EVENTS.cancel);
    assert.ok(step.ok);
    assert.equal(step.state.epoch, EPOCH + 1);
    assert.equal(stepTask(step.state, EVENTS.ended).ok, false);
  });

  it("answers an older epoch with staleLease and the current one", () => {
    const step = stepTask(state("running"), { type: "ended", epoch: EPOCH - 1, outcome: done });
    assert.deepEqual(step, { ok: false, refusal: { type: "staleLease", epoch: EPOCH - 1, current: EPOCH } });
  });
});

const toEvent = (type: TaskEvent["type"], epoch: number, outcome: RunOutcome): TaskEvent => {
  if (type === "preparing" || type === "running") return { type, epoch };
  if (type === "ended") return { type, epoch, outcome };
  if (type === "lost") return { type, epoch, message: "gone" };
  return type === "dependencyFailed" ? { type, message: "x" } : { type };
};

/** What the world would look like if every effect were carried out: the runs that are open. */
function follow(
  open: Set<number>,
  before: TaskState,
  after: TaskState,
  effects: readonly TaskEffect[],
): void {
  if (after.status === "assigned" && before.status !== "assigned") open.add(after.epoch);
  for (const effect of effects) if (effect.type === "endRun") open.delete(effect.epoch);
}

describe("a task, through any history", () => {
  const outcome: fc.Arbitrary<RunOutcome> = fc.oneof(
    fc.constant(done),
    fc
      .constantFrom(...ERROR_KINDS)
      .map((kind) => ({ type: "failed" as const, error: { kind, message: "x" } })),
    fc.constantFrom(...PARK_REASONS).map((reason) => ({ type: "parked" as const, reason })),
  );
  // Epochs as distances from the current one: 0 is the present run, 1 the one before, -1 one not yet made.
  const behind = fc.constantFrom(0, 0, 0, 1, 2, -1);
  const move = fc.record({
    type: fc.constantFrom(...(Object.keys(EVENTS) as TaskEvent["type"][])),
    outcome,
    behind,
  });
  it("keeps its laws", () => {
    fc.assert(
      fc.property(fc.array(move, { maxLength: 60 }), fc.integer({ min: 1, max: 4 }), (moves, maxAttempts) => {
        let now: TaskState = { ...state("pending"), epoch: 0, maxAttempts };
        const open = new Set<number>();
        for (const { type, outcome, behind } of moves) {
          const event = toEvent(type, now.epoch - behind, outcome);
          const frozen = JSON.stringify(now);
          const step = stepTask(now, event);
          assert.equal(JSON.stringify(now), frozen, "a step changes nothing in place");
          if ("epoch" in event && event.epoch !== now.epoch) {
            assert.ok(!step.ok && step.refusal.type === "staleLease", "another epoch changes nothing");
          }
          if (!step.ok) continue;
          assert.ok(step.state.epoch >= now.epoch, "the epoch never falls");
          assert.equal(step.passed.at(-1), step.state.status);
          assert.ok(!isFinal(now.status) || type === "retry", "only a retry leaves a final status");
          assert.ok(step.state.attempt <= Math.max(1, maxAttempts), "attempts stay bounded");
          assert.equal(step.state.blockedBy !== undefined, step.state.status === "blocked");
          assert.ok(!step.state.pauseRequested || hasLiveRun(step.state.status));
          if (step.state.attempt > now.attempt)
            assert.equal(type, "lost", "only a lost run costs an attempt");
          const ended = isFinal(step.state.status) && !isFinal(now.status);
          assert.equal(
            step.effects.some((effect) => effect.type === "taskEnded"),
            ended,
          );
          follow(open, now, step.state, step.effects);
          now = step.state;
          assert.deepEqual(
            [...open],
            hasLiveRun(now.status) ? [now.epoch] : [],
            "at most one live run, the newest",
          );
        }
      }),
      { numRuns: 2000 },
    );
  });
});
