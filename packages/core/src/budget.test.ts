import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { limitReached, reserve, settle, withReservation, type Budget } from "./budget.ts";

const NONE = { spentUsd: 0, reservedUsd: 0 };

describe("a reservation", () => {
  it("is the smallest of what remains, the task's own limit and the default", () => {
    const contract: Budget = { maxCostUsd: 20, spentUsd: 4, reservedUsd: 6 };
    const usd = (task: { maxCostUsd?: number; spentUsd: number }, byDefault = 5) => {
      const reservation = reserve(contract, task, byDefault);
      return reservation.ok ? reservation.usd : reservation.reached.message;
    };
    assert.equal(usd({ spentUsd: 0 }), 5);
    assert.equal(usd({ maxCostUsd: 3, spentUsd: 1 }), 2);
    assert.equal(usd({ spentUsd: 0 }, 50), 10);
    assert.equal(usd({ spentUsd: 0 }, 0), 10);
  });

  it("is none where nothing is limited", () => {
    assert.deepEqual(reserve(NONE, { spentUsd: 9 }, 5), { ok: true, usd: undefined });
    assert.deepEqual(reserve({ ...NONE, maxCostUsd: 0 }, { spentUsd: 9 }, 5), { ok: true, usd: undefined });
    assert.deepEqual(reserve(NONE, { maxCostUsd: 2, spentUsd: 0 }, 5), { ok: true, usd: 2 });
  });

  it("is refused with the limit that is reached, in a sentence", () => {
    const found = reserve({ maxCostUsd: 5, spentUsd: 3, reservedUsd: 2 }, { spentUsd: 0 }, 5);
    assert.deepEqual(found, {
      ok: false,
      reached: {
        of: "contract",
        limit: "maxCostUsd",
        max: 5,
        used: 3,
        message: "The contract's budget of $5.00 is reached ($3.00 used). Raise it to go on, or stop here",
      },
    });
    const task = reserve(NONE, { maxCostUsd: 1, spentUsd: 1.2 }, 5);
    assert.equal(!task.ok && task.reached.of, "task");
  });

  it("is settled at what it cost, and at itself after a crash", () => {
    const running = withReservation({ maxCostUsd: 10, spentUsd: 1, reservedUsd: 0 }, 5);
    assert.deepEqual(settle(running, 5, 0.25), { maxCostUsd: 10, spentUsd: 1.25, reservedUsd: 0 });
    for (const cost of [undefined, Number.NaN, -1, Number.POSITIVE_INFINITY]) {
      assert.equal(settle(running, 5, cost).spentUsd, 6);
    }
  });

  it("keeps a tree of agents within its budget, whatever starts and ends in whatever order", () => {
    const move = fc.record({
      start: fc.boolean(),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
      crash: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(move, { maxLength: 80 }), fc.integer({ min: 1, max: 40 }), (moves, maxCostUsd) => {
        let budget: Budget = { maxCostUsd, spentUsd: 0, reservedUsd: 0 };
        const running: number[] = [];
        for (const { start, share, crash } of moves) {
          if (start) {
            const reservation = reserve(budget, { spentUsd: 0 }, 5);
            if (!reservation.ok) continue;
            running.push(reservation.usd ?? 0);
            budget = withReservation(budget, reservation.usd ?? 0);
          } else {
            const reserved = running.shift();
            if (reserved === undefined) continue;
            budget = settle(budget, reserved, crash ? undefined : reserved * share);
          }
          assert.ok(budget.spentUsd + budget.reservedUsd <= maxCostUsd + 1e-6);
        }
      }),
    );
  });
});

describe("a limit", () => {
  const used = { maxCostUsd: 1, maxTokens: 500, maxRuntimeSecs: 3600 };

  it("is reached when as much is used, the task's before the contract's", () => {
    const both = limitReached({ limits: { maxTokens: 500 }, used }, { limits: { maxCostUsd: 1 }, used });
    assert.equal(
      both?.message,
      "The task's limit of 500 tokens is reached (500 tokens used). Raise it to go on, or stop here",
    );
    const contract = limitReached({ limits: {}, used }, { limits: { maxRuntimeSecs: 3000 }, used });
    assert.match(contract?.message ?? "", /^The contract's time limit of 50 min is reached \(60 min used\)/);
  });

  it("of zero or none is never reached", () => {
    assert.equal(limitReached({ limits: { maxCostUsd: 0, maxTokens: 501 }, used }), undefined);
  });
});
