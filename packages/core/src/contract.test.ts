import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import {
  allowedStatuses,
  CONTRACT_STATUSES,
  restoredStatus,
  stepContract,
  type ContractState,
  type ContractStatus,
} from "./contract.ts";

// Written out a second time, so that a slip in the source's table is seen.
const MAY: Record<ContractStatus, string> = {
  created: "active paused failed archived",
  active: "waiting_for_input paused blocked completing completed failed archived",
  waiting_for_input: "active paused blocked failed archived",
  paused: "active failed archived",
  blocked: "active paused waiting_for_input failed archived",
  completing: "completed active failed",
  completed: "active archived",
  failed: "active archived",
  archived: "failed",
};

describe("a contract", () => {
  for (const from of CONTRACT_STATUSES) {
    it(`that is ${from} may become ${MAY[from]}, and nothing else`, () => {
      const allowed = new Set(MAY[from].split(" "));
      for (const to of CONTRACT_STATUSES) {
        const step = stepContract({ status: from }, to);
        assert.equal(step.ok, allowed.has(to), to);
        if (step.ok) continue;
        assert.deepEqual(
          { ...step.refusal, allowed: new Set(step.refusal.allowed) },
          {
            type: "invalidTransition",
            from,
            to,
            allowed,
          },
        );
      }
    });
  }

  it("that is archived goes back to what it was, and to failed if it was at work", () => {
    for (const before of ["completed", "failed", "created", "paused", "blocked"] as const) {
      assert.equal(restoredStatus(before), before);
    }
    for (const before of ["active", "waiting_for_input", "completing", "archived", undefined] as const) {
      assert.equal(restoredStatus(before), "failed");
    }
  });

  it("keeps the reason of its status only while it has it", () => {
    const history = fc.array(fc.constantFrom(...CONTRACT_STATUSES), { maxLength: 40 });
    fc.assert(
      fc.property(history, fc.string(), (goals, reason) => {
        let now: ContractState = { status: "created" };
        for (const goal of goals) {
          const step = stepContract(now, goal, reason);
          if (!step.ok) continue;
          assert.ok(allowedStatuses(now).includes(goal));
          now = step.state;
          const kept: Partial<ContractState> = {
            waitingFor: reason,
            blockedReason: reason,
            failureReason: reason,
          };
          if (now.status !== "waiting_for_input") delete kept.waitingFor;
          if (now.status !== "blocked") delete kept.blockedReason;
          if (now.status !== "failed") delete kept.failureReason;
          const { status: _, archivedFrom, ...reasons } = now;
          assert.deepEqual(reasons, kept);
          assert.equal(archivedFrom !== undefined, now.status === "archived");
        }
      }),
    );
  });

  it("comes back from the archive to exactly what it was", () => {
    for (const before of ["completed", "failed", "created", "paused", "blocked"] as const) {
      const archived = stepContract({ status: before }, "archived");
      assert.ok(archived.ok);
      const back = stepContract(archived.state, before);
      assert.equal(back.ok && back.state.status, before);
    }
  });
});
