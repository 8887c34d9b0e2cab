import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { nextRecovery, playFor } from "./playbook.ts";
import { ERROR_KINDS } from "./task.ts";

const NOW = 1_795_215_600_000;
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

describe("the playbook", () => {
  it("parks at once what only a person or a clock can mend", () => {
    const reasons = {
      auth: "auth",
      limit_reached: "limit_reached",
      agent_missing: "setup_required",
      sandbox: "setup_required",
    };
    for (const [kind, reason] of Object.entries(reasons)) {
      const step = nextRecovery(kind as keyof typeof reasons, 0, 0, { now: NOW });
      assert.deepEqual(step, { type: "park", reason });
      assert.equal(playFor(kind as keyof typeof reasons).tell, "person");
    }
    const disk = nextRecovery("disk_full", 0, 0, { now: NOW });
    assert.deepEqual(disk, { type: "park", reason: "disk_full", wakeAt: NOW + 5 * MINUTE });
  });

  it("wakes after a usage limit when it is said to end, and costs no iteration", () => {
    const at = NOW + 90 * MINUTE;
    const step = nextRecovery("usage_limit", 7, 0, { now: NOW, resetsAt: at });
    assert.deepEqual(step, { type: "park", reason: "usage_limit", wakeAt: at });
    assert.equal(playFor("usage_limit").costsIteration, false);
  });

  it("waits a quarter of an hour where nobody says or what is said is absurd", () => {
    for (const resetsAt of [undefined, 0, Number.NaN, NOW + 400 * DAY, NOW * 1000, NOW / 1000]) {
      const step = nextRecovery("usage_limit", 0, 0, {
        now: NOW,
        ...(resetsAt === undefined ? {} : { resetsAt }),
      });
      assert.deepEqual(
        step,
        { type: "park", reason: "usage_limit", wakeAt: NOW + 15 * MINUTE },
        String(resetsAt),
      );
    }
    const justPast = nextRecovery("usage_limit", 0, 0, { now: NOW, resetsAt: NOW - 1000 });
    assert.deepEqual(justPast, { type: "park", reason: "usage_limit", wakeAt: NOW + MINUTE });
  });

  it("backs off longer each time, up to a cap, and fails when the tries are used up", () => {
    const delays = [0, 1, 2, 9].map((attempt) => nextRecovery("overloaded", attempt, 1, { now: NOW }));
    assert.deepEqual(
      delays.map((step) => step.type === "retry" && step.delayMs),
      [5000, 10_000, 20_000, 600_000],
    );
    assert.deepEqual(nextRecovery("overloaded", 10, 1, { now: NOW }), { type: "fail" });
  });

  it("resumes a crashed session twice, then tries a fresh one, then fails", () => {
    const steps = [0, 1, 2, 3].map((attempt) => nextRecovery("crash", attempt, 0, { now: NOW }));
    assert.deepEqual(
      steps.map((step) => (step.type === "retry" ? step.session : step.type)),
      ["same", "same", "fresh", "fail"],
    );
  });

  it("starts afresh at once where the session is lost or full", () => {
    const fresh = { type: "retry", delayMs: 0, session: "fresh" };
    assert.deepEqual(nextRecovery("crash", 0, 0.5, { now: NOW, sessionLost: true }), fresh);
    assert.deepEqual(nextRecovery("context_exhausted", 0, 0.5, { now: NOW }), fresh);
  });

  it("always comes to an end, with delays between half and the whole cap, and no wake in the past", () => {
    const jitter = fc.double({ min: 0, max: 1, noNaN: true });
    const resetsAt = fc.oneof(fc.integer(), fc.double(), fc.constant(NOW + DAY));
    fc.assert(
      fc.property(
        fc.constantFrom(...ERROR_KINDS),
        fc.nat({ max: 30 }),
        jitter,
        resetsAt,
        (kind, attempt, j, at) => {
          const play = playFor(kind);
          const step = nextRecovery(kind, attempt, j, { now: NOW, resetsAt: at });
          assert.equal(step.type === "retry", attempt < play.attempts);
          if (step.type === "retry") assert.ok(step.delayMs >= 0 && step.delayMs <= play.capMs);
          if (step.type === "park" && step.wakeAt !== undefined) {
            assert.ok(step.wakeAt > NOW && step.wakeAt <= NOW + 8 * DAY + MINUTE);
          }
        },
      ),
    );
  });
});
