import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { builtInType, type ContractType, type RequiredTasks } from "./contract-type.ts";
import { phaseReadiness, type ReadinessFacts } from "./readiness.ts";
import { TASK_STATUSES, type TaskStatus } from "./task.ts";

const SIMPLE = builtInType("simple") as ContractType;
const facts = (rest: Partial<ReadinessFacts>): ReadinessFacts => ({
  type: SIMPLE,
  phase: "plan",
  deliverables: [],
  tasks: [],
  checks: [],
  hasRepository: true,
  autoAdvance: { flag: true, contract: true, config: true },
  ...rest,
});
const tasks = (...statuses: TaskStatus[]): ReadinessFacts["tasks"] =>
  statuses.map((status, at) => ({ name: `task ${at}`, status }));
const custom = (
  requiredTasks: RequiredTasks,
  checks: string[] = [],
  autoAdvance?: boolean,
): ContractType => ({
  name: "custom",
  description: "",
  supervisor: true,
  phases: [
    {
      id: "plan",
      deliverables: [],
      gate: {
        requiredDeliverables: [],
        requiredTasks,
        checks,
        ...(autoAdvance === undefined ? {} : { autoAdvance }),
      },
      guidance: "",
      requiresRepository: false,
      requiresTasks: false,
      recommendedFiles: [],
    },
  ],
});
const missing = (rest: Partial<ReadinessFacts>): string[] => phaseReadiness(facts(rest)).missing;

const enabled = (rest: Partial<ReadinessFacts>) => phaseReadiness(facts(rest)).autoAdvanceEnabled;

describe("the readiness of a phase", () => {
  it("names what is missing, in the words that people are shown", () => {
    assert.deepEqual(phaseReadiness(facts({})), {
      phase: "plan",
      ready: false,
      missing: ["Deliverable: plan-document"],
      autoAdvanceEnabled: true,
    });
    assert.deepEqual(missing({ phase: "execute", tasks: tasks("done", "running") }), [
      "Deliverable: pull-request",
      "1 task incomplete",
    ]);
    assert.deepEqual(
      missing({ phase: "execute", deliverables: ["pull-request"], tasks: tasks("failed", "pending") }),
      ["2 tasks incomplete"],
    );
  });

  it("holds when deliverables are there and tasks are done", () => {
    assert.equal(phaseReadiness(facts({ deliverables: ["plan-document"] })).ready, true);
    assert.deepEqual(missing({ phase: "execute", deliverables: ["pull-request"], tasks: tasks("done") }), []);
  });

  it("does not hold because it looked at nothing", () => {
    assert.deepEqual(missing({ phase: "execute", deliverables: ["pull-request"] }), ["No tasks yet"]);
    assert.deepEqual(missing({ type: custom("all_complete") }), ["No tasks yet"]);
    assert.deepEqual(missing({ type: custom("all_complete"), tasks: tasks("cancelled") }), ["No tasks yet"]);
  });

  it("asks neither for the supervisor nor for cancelled tasks", () => {
    const all = [
      ...tasks("done", "cancelled"),
      { name: "supervisor", status: "running" as const, supervisor: true },
    ];
    assert.deepEqual(missing({ type: custom("all_complete"), tasks: all }), []);
  });

  it("counts and names tasks where the gate does", () => {
    assert.deepEqual(missing({ type: custom({ minComplete: 3 }), tasks: tasks("done", "running") }), [
      "2 tasks incomplete",
    ]);
    assert.deepEqual(missing({ type: custom({ minComplete: 1 }), tasks: tasks("done", "running") }), []);
    const named = custom({ named: ["task 0", "task 1"] });
    assert.deepEqual(missing({ type: named, tasks: tasks("done", "running") }), ["Task: task 1"]);
  });

  it("asks for its checks", () => {
    const type = custom("none", ["npm test", "npm run lint"]);
    assert.deepEqual(missing({ type, checks: [{ command: "npm test", ok: false }] }), [
      "Check: npm test failed",
      "Check: npm run lint has not run",
    ]);
  });

  it("asks for a repository where the phase needs one", () => {
    assert.deepEqual(missing({ deliverables: ["plan-document"], hasRepository: false }), [
      "Repository: none",
    ]);
  });

  it("without a gate is given, and of an unknown phase is not", () => {
    const type = custom("all_complete");
    delete type.phases[0]?.gate;
    assert.deepEqual(missing({ type, hasRepository: false }), []);
    assert.deepEqual(missing({ phase: "ship" }), ["Phase: simple has no phase ship"]);
  });

  it("advances by itself only if flag, gate, contract and configuration all agree", () => {
    const yes = { flag: true, contract: true, config: true };
    assert.equal(enabled({ type: custom("none", [], true) }), true);
    assert.equal(enabled({ type: custom("none", [], false) }), false);
    for (const no of ["flag", "contract", "config"] as const) {
      assert.equal(enabled({ autoAdvance: { ...yes, [no]: false } }), false, no);
    }
  });

  it("never goes away because one more thing was delivered or done", () => {
    const status = fc.constantFrom(...TASK_STATUSES);
    const marks = fc.subarray(["plan-document", "pull-request", "other"]);
    fc.assert(
      fc.property(
        fc.array(status),
        marks,
        fc.constantFrom("plan", "execute"),
        (statuses, deliverables, phase) => {
          const before = phaseReadiness(facts({ phase, deliverables, tasks: tasks(...statuses) }));
          const more = facts({
            phase,
            deliverables: [...deliverables, "plan-document"],
            tasks: tasks(...statuses, "done"),
          });
          if (before.ready) assert.ok(phaseReadiness(more).ready);
          assert.equal(before.ready, before.missing.length === 0);
        },
      ),
    );
  });
});
