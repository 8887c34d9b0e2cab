import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import {
  builtInType,
  CONTRACT_TYPES,
  isPhaseChangeAllowed,
  phaseAfter,
  validateContractType,
  type ContractType,
} from "./contract-type.ts";

const SPECIFICATION = builtInType("specification") as ContractType;

describe("the built-in contract types", () => {
  it("have the phases, deliverables and needs that are promised", () => {
    const rows = CONTRACT_TYPES.flatMap((type) =>
      type.phases.map((phase) => {
        const of = (required: boolean) =>
          phase.deliverables.filter((each) => each.required === required).map((each) => each.id);
        const needs = [phase.requiresRepository ? "repository" : "", phase.requiresTasks ? "tasks" : ""];
        return [type.name, phase.id, of(true).join(), of(false).join(), needs.filter(Boolean).join("+")].join(
          " | ",
        );
      }),
    );
    assert.deepEqual(rows, [
      "simple | plan | plan-document |  | repository",
      "simple | execute | pull-request |  | repository+tasks",
      "specification | research | research-notes |  | ",
      "specification | specify | requirements-document |  | ",
      "specification | plan | plan-document | architecture-document | repository",
      "specification | execute | pull-request |  | repository+tasks",
      "specification | review | release-notes | retrospective | repository",
      "single | execute |  |  | repository+tasks",
    ]);
  });

  it("are valid and guide whoever works in them", () => {
    for (const type of CONTRACT_TYPES) {
      assert.deepEqual(validateContractType(type), [], type.name);
      for (const phase of type.phases) assert.ok(phase.guidance.length > 200, `${type.name} ${phase.id}`);
    }
    assert.equal(builtInType("single")?.supervisor, false);
    assert.equal(builtInType("nope"), undefined);
  });
});

describe("phases", () => {
  it("follow one another", () => {
    assert.equal(phaseAfter(SPECIFICATION, "plan")?.id, "execute");
    assert.equal(phaseAfter(SPECIFICATION, "review"), undefined);
    assert.equal(phaseAfter(SPECIFICATION, "nope"), undefined);
  });

  it("change to the next one or back to any earlier one, and no other way", () => {
    const ids = SPECIFICATION.phases.map((phase) => phase.id);
    fc.assert(
      fc.property(fc.nat({ max: 4 }), fc.nat({ max: 4 }), (from, to) => {
        const change = isPhaseChangeAllowed(SPECIFICATION, ids[from] ?? "", ids[to] ?? "");
        assert.equal(change.ok, to < from || to === from + 1);
        if (change.ok) assert.equal(change.direction, to < from ? "back" : "forward");
        else assert.equal(change.refusal.type, to === from ? "samePhase" : "skipsPhase");
      }),
    );
    assert.deepEqual(isPhaseChangeAllowed(SPECIFICATION, "specify", "review"), {
      ok: false,
      refusal: { type: "skipsPhase", allowed: ["research", "plan"] },
    });
    const unknown = isPhaseChangeAllowed(SPECIFICATION, "plan", "ship");
    assert.equal(!unknown.ok && unknown.refusal.type, "unknownPhase");
  });
});

const broken = (change: (type: ContractType) => void): string[] => {
  const type = structuredClone(builtInType("simple") as ContractType);
  change(type);
  return validateContractType(type);
};
const gate = (type: ContractType) =>
  type.phases[0]?.gate as NonNullable<ContractType["phases"][number]["gate"]>;

describe("a contract type of one's own", () => {
  const cases: [string, (type: ContractType) => void, RegExp][] = [
    ["no phases", (type) => (type.phases = []), /at least one phase/],
    ["a bad name", (type) => (type.name = "My Type"), /name "My Type"/],
    ["a phase twice", (type) => type.phases.push(...type.phases.slice(0, 1)), /Phase "plan" is there twice/],
    [
      "a deliverable twice",
      (type) => type.phases[0]?.deliverables.push({ id: "plan-document", required: false }),
      /twice/,
    ],
    [
      "a gate for what the phase lacks",
      (type) => gate(type).requiredDeliverables.push("x"),
      /can never hold.*"x"/,
    ],
    [
      "a gate for no task in particular",
      (type) => (gate(type).requiredTasks = { named: [] }),
      /can never hold/,
    ],
    ["a count below one", (type) => (gate(type).requiredTasks = { minComplete: 0 }), /1 or more/],
    ["an empty check", (type) => gate(type).checks.push(" "), /empty check/],
  ];
  for (const [what, change, problem] of cases) {
    it(`with ${what} is told so`, () => {
      const problems = broken(change);
      assert.equal(problems.length, 1);
      assert.match(problems[0] ?? "", problem);
    });
  }
});
