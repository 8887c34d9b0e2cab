import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import {
  HARD_LIMIT,
  newBreaker,
  raise,
  recordIteration,
  reset,
  type BreakerState,
  type IterationRecord,
} from "./circuit-breaker.ts";

const ok: IterationRecord = { changed: true, ready: false };
const after = (state: BreakerState, ...records: IterationRecord[]): BreakerState =>
  records.reduce(recordIteration, state);

const times = (count: number): IterationRecord[] => Array.from({ length: count }, () => ok);
const failing = (n: number): IterationRecord => ({
  changed: true,
  ready: true,
  error: `3 of ${n} tests failed`,
});

describe("the circuit breaker", () => {
  it("opens at the iteration that reaches the maximum", () => {
    const nine = after(newBreaker(), ...times(9));
    assert.equal(nine.open, undefined);
    assert.deepEqual(recordIteration(nine, ok).open, {
      kind: "max_iterations",
      reason: "Maximum iterations (10) reached",
    });
  });

  it("opens at the third iteration in a row without changes", () => {
    const idle: IterationRecord = { changed: false, ready: false };
    assert.equal(after(newBreaker(), idle, idle, ok, idle, idle).open, undefined);
    assert.deepEqual(after(newBreaker(), idle, idle, idle).open, {
      kind: "no_change",
      reason: "No file changes for 3 consecutive runs",
    });
  });

  it("opens at the fifth iteration in a row with the same error, whatever its numbers", () => {
    const four = after(newBreaker(), failing(1), failing(2), failing(3), failing(4));
    assert.equal(four.open, undefined);
    assert.deepEqual(recordIteration(four, failing(5)).open, {
      kind: "same_error",
      reason: "Same error repeated 5 times: 3 of 5 tests failed",
    });
    const other: IterationRecord = { changed: true, ready: false, error: "does not compile" };
    assert.equal(after(four, other, failing(1)).repeated, 1);
  });

  it("looks at the maximum first, then changes, then errors", () => {
    const bad: IterationRecord = { changed: false, ready: false, error: "no" };
    const all = newBreaker({ maxIterations: 2, noChange: 2, sameError: 2 });
    assert.equal(after(all, bad, bad).open?.kind, "max_iterations");
    assert.equal(after(newBreaker({ noChange: 2, sameError: 2 }), bad, bad).open?.kind, "no_change");
  });

  it("forgets both rows at a success, never the total", () => {
    const bad: IterationRecord = { changed: false, ready: false, error: "no" };
    const state = after(newBreaker(), bad, bad, { changed: false, ready: true });
    assert.deepEqual([state.iterations, state.unchanged, state.repeated], [3, 0, 0]);
  });

  it("is reset with its thresholds kept", () => {
    const thresholds = { maxIterations: 2, noChange: 7, sameError: 9 };
    const open = after(newBreaker(thresholds), ok, ok);
    assert.deepEqual(reset(open), newBreaker(thresholds));
  });

  it("is closed again by raising it, and counts on", () => {
    const open = after(newBreaker(), ...times(10));
    const raised = raise(open, 5);
    assert.equal(raised.open, undefined);
    assert.deepEqual([raised.iterations, raised.thresholds.maxIterations], [10, 15]);
    assert.equal(after(raised, ok, ok, ok, ok).open, undefined);
    assert.equal(after(raised, ok, ok, ok, ok, ok).open?.reason, "Maximum iterations (15) reached");
  });

  it("keeps to the hard limit and above zero", () => {
    assert.equal(newBreaker({ maxIterations: 1000 }).thresholds.maxIterations, HARD_LIMIT);
    assert.equal(newBreaker({ maxIterations: 0 }).thresholds.maxIterations, 1);
    assert.equal(raise(newBreaker(), 1000).thresholds.maxIterations, HARD_LIMIT);
  });
});

describe("the circuit breaker, for any history", () => {
  const record = fc.record(
    { changed: fc.boolean(), ready: fc.boolean(), error: fc.constantFrom("a", "b", "row 1", "row 2") },
    { requiredKeys: ["changed", "ready"] },
  );
  const thresholds = fc.record({
    maxIterations: fc.integer({ min: 1, max: 50 }),
    noChange: fc.integer({ min: 1, max: 6 }),
    sameError: fc.integer({ min: 1, max: 6 }),
  });

  it("is open after the maximum at the latest, and says the same when it was stored in between", () => {
    fc.assert(
      fc.property(thresholds, fc.array(record, { maxLength: 60 }), (limits, history) => {
        let state = newBreaker(limits);
        let made = 0;
        for (const entry of history) {
          const stored = JSON.parse(JSON.stringify(state)) as BreakerState;
          assert.deepEqual(recordIteration(stored, entry), recordIteration(state, entry));
          state = recordIteration(state, entry);
          made += 1;
          if (state.open) break;
        }
        assert.equal(state.iterations, made);
        assert.ok(made <= limits.maxIterations);
        if (made === limits.maxIterations) assert.equal(state.open?.kind, "max_iterations");
      }),
    );
  });
});
