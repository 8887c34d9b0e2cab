import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { newBreaker } from "./circuit-breaker.ts";
import type { Gate } from "./completion-gate.ts";
import { ERROR_KINDS } from "./task.ts";
import { decide, wantsChecks, type CheckOutcome, type IterationFacts, type LoopRules } from "./verdict.ts";

const LOOP: LoopRules = { supervisor: false, autonomous: true, singleTask: false, requireTests: false };
const ONCE: LoopRules = { ...LOOP, autonomous: false };
const SINGLE: LoopRules = { ...LOOP, singleTask: true };
const SUPERVISOR: LoopRules = { ...LOOP, supervisor: true };
const READY: Gate = { ready: true, blockers: [], extra: {} };
const NOT_READY: Gate = {
  ready: false,
  reason: "half done",
  blockers: ["the parser", "the docs"],
  extra: {},
};
const GREEN: CheckOutcome = { criterion: "Tests pass", ok: true, command: "npm test", exitCode: 0 };
const RED: CheckOutcome = { ...GREEN, ok: false, exitCode: 1, outputTail: "1 failed\n" };
const UNVERIFIED: CheckOutcome = { criterion: "Lint passes", ok: false, unverified: true };

const facts = (rest: Partial<IterationFacts>): IterationFacts => ({
  rules: LOOP,
  breaker: newBreaker(),
  exitCode: 0,
  checks: [],
  changed: true,
  ...rest,
});
const verdict = (rest: Partial<IterationFacts>) => decide(facts(rest)).verdict;

describe("the verdict in the autonomous loop", () => {
  it("is done when the agent is ready and every check passes", () => {
    assert.deepEqual(verdict({ gate: READY, checks: [GREEN] }), { type: "done", unverified: false });
    assert.deepEqual(verdict({ gate: READY, checks: [GREEN, UNVERIFIED] }), {
      type: "done",
      unverified: false,
    });
  });

  it("is done but unverified when nothing could be run", () => {
    assert.deepEqual(verdict({ gate: READY }), { type: "done", unverified: true });
    assert.deepEqual(verdict({ gate: READY, checks: [UNVERIFIED] }), { type: "done", unverified: true });
  });

  it("goes on when a check fails, told exactly what", () => {
    assert.deepEqual(verdict({ gate: READY, checks: [RED] }), {
      type: "continue",
      because: "check_failed",
      feedback: ["Tests pass (exit code 1)\n$ npm test\n1 failed"],
    });
  });

  it("goes on when the gate is not ready, naming its blockers, else its reason", () => {
    const feedback = ["the parser", "the docs"];
    assert.deepEqual(verdict({ gate: NOT_READY }), { type: "continue", because: "not_ready", feedback });
    const reason = verdict({ gate: { ...NOT_READY, blockers: [] } });
    assert.deepEqual(reason, { type: "continue", because: "not_ready", feedback: ["half done"] });
  });

  it("goes on when there is no gate", () => {
    assert.deepEqual(verdict({}), { type: "continue", because: "no_gate", feedback: [] });
  });

  it("parks when the breaker opens, with its reason, never silently done", () => {
    const breaker = newBreaker({ maxIterations: 1 });
    const detail = "Maximum iterations (1) reached";
    assert.deepEqual(verdict({ breaker, gate: NOT_READY }), {
      type: "park",
      reason: "circuit_breaker",
      detail,
    });
    assert.deepEqual(verdict({ breaker, gate: READY, checks: [RED] }), {
      type: "park",
      reason: "circuit_breaker",
      detail,
    });
  });

  it("is done in the very iteration that would have opened the breaker", () => {
    const decision = decide(
      facts({ breaker: newBreaker({ maxIterations: 1 }), gate: READY, checks: [GREEN] }),
    );
    assert.equal(decision.verdict.type, "done");
    assert.equal(decision.breaker.open, undefined);
    assert.equal(decision.breaker.iterations, 1);
  });

  it("counts the failed check as the iteration's error, else the first blocker", () => {
    assert.equal(
      decide(facts({ gate: READY, checks: [RED] })).breaker.lastError,
      "tests pass (exit code <n>)",
    );
    assert.equal(decide(facts({ gate: NOT_READY })).breaker.lastError, "the parser");
    assert.equal(decide(facts({ gate: READY, checks: [GREEN] })).breaker.lastError, undefined);
  });

  it("stops and asks where tests are required and there is no way to run any", () => {
    const rules = { ...LOOP, requireTests: true };
    for (const tests of [undefined, { unverifiable: true, tampered: [] }]) {
      const found = verdict({ rules, gate: READY, checks: [GREEN], ...(tests ? { tests } : {}) });
      assert.equal(found.type === "park" && found.reason, "no_test_command");
    }
    const tests = { unverifiable: false, tampered: [] };
    assert.equal(verdict({ rules, gate: READY, checks: [GREEN], tests }).type, "done");
  });

  it("does not accept weakened tests where tests are required, and does elsewhere", () => {
    const tests = { unverifiable: false, tampered: ["deleted a.test.ts"] };
    const refused = verdict({ rules: { ...LOOP, requireTests: true }, gate: READY, checks: [GREEN], tests });
    assert.equal(refused.type === "continue" && refused.because, "tests_tampered");
    assert.equal(verdict({ gate: READY, checks: [GREEN], tests }).type, "done");
  });
});

describe("the verdict elsewhere", () => {
  it("outside the loop is done when the checks pass, whatever the gate says", () => {
    assert.deepEqual(verdict({ rules: ONCE, gate: NOT_READY, checks: [GREEN] }), {
      type: "done",
      unverified: false,
    });
    const found = verdict({ rules: ONCE, checks: [RED] });
    assert.deepEqual(found, {
      type: "fail",
      error: { kind: "unknown", message: "Checks failed: Tests pass (exit code 1)" },
    });
  });

  it("outside the loop fails with the class and the exit code", () => {
    const failure = { kind: "crash", message: "boom" } as const;
    assert.deepEqual(verdict({ rules: ONCE, failure, exitCode: 3 }), {
      type: "fail",
      error: { kind: "crash", message: "boom (Exit code: 3)" },
    });
  });

  it("outside the loop still recovers from what is not the agent's own fault", () => {
    for (const kind of [
      "usage_limit",
      "auth",
      "network",
      "overloaded",
      "disk_full",
      "context_exhausted",
    ] as const) {
      assert.deepEqual(verdict({ rules: ONCE, failure: { kind, message: "x" }, exitCode: 1 }), {
        type: "recover",
        kind,
        message: "x",
      });
    }
    assert.equal(
      verdict({ rules: ONCE, failure: { kind: "crash", message: "killed" }, exitCode: 137 }).type,
      "recover",
    );
  });

  it("for a single task is done if ready and checked, else waits for a person", () => {
    assert.equal(verdict({ rules: SINGLE, gate: READY, checks: [GREEN] }).type, "done");
    for (const rest of [{ gate: NOT_READY }, {}, { gate: READY, checks: [RED] }]) {
      const found = verdict({ rules: SINGLE, ...rest });
      assert.equal(found.type === "park" && found.reason, "single_task");
    }
  });

  it("for a supervisor is to wait, even where it says ready", () => {
    const decision = decide(facts({ rules: SUPERVISOR, gate: READY }));
    assert.equal(decision.verdict.type === "park" && decision.verdict.reason, "paused");
    assert.equal(decision.breaker.iterations, 0);
  });

  it("recovers from failures, counting only those that cost an iteration", () => {
    const limited = decide(
      facts({ failure: { kind: "usage_limit", message: "x", resetsAt: 5 }, exitCode: 1 }),
    );
    assert.deepEqual(limited.verdict, { type: "recover", kind: "usage_limit", message: "x", resetsAt: 5 });
    assert.equal(limited.breaker.iterations, 0);
    const crashed = decide(facts({ failure: { kind: "crash", message: "x" }, exitCode: 1 }));
    assert.equal(crashed.verdict.type, "recover");
    assert.equal(crashed.breaker.iterations, 0);
    const odd = decide(facts({ failure: { kind: "unknown", message: "x" }, exitCode: 1 }));
    assert.equal(odd.breaker.iterations, 1);
  });

  it("asks for checks only where they can decide", () => {
    assert.equal(wantsChecks({ rules: LOOP, gate: READY }), true);
    assert.equal(wantsChecks({ rules: LOOP, gate: NOT_READY }), false);
    assert.equal(wantsChecks({ rules: LOOP }), false);
    assert.equal(wantsChecks({ rules: ONCE }), true);
    assert.equal(wantsChecks({ rules: SINGLE }), false);
    assert.equal(wantsChecks({ rules: SUPERVISOR, gate: READY }), false);
    assert.equal(wantsChecks({ rules: ONCE, failure: { kind: "crash", message: "x" } }), false);
  });
});

describe("the verdict, for any iteration", () => {
  const rules = fc.record({
    supervisor: fc.boolean(),
    autonomous: fc.boolean(),
    singleTask: fc.boolean(),
    requireTests: fc.boolean(),
  });
  const any = fc.record(
    {
      rules,
      breaker: fc.record({ maxIterations: fc.integer({ min: 1, max: 3 }) }).map(newBreaker),
      exitCode: fc.integer({ min: 0, max: 255 }),
      failure: fc.record({ kind: fc.constantFrom(...ERROR_KINDS), message: fc.constantFrom("a", "b") }),
      gate: fc.constantFrom(READY, NOT_READY),
      checks: fc.array(fc.constantFrom(GREEN, RED, UNVERIFIED), { maxLength: 3 }),
      tests: fc.constantFrom({ unverifiable: true, tampered: [] }, { unverifiable: false, tampered: ["x"] }),
      changed: fc.boolean(),
    },
    { requiredKeys: ["rules", "breaker", "checks", "changed"] },
  );

  it("is never done with a failure, a red check, a closed gate in the loop, or as a supervisor", () => {
    fc.assert(
      fc.property(any, (iteration) => {
        const { verdict } = decide(iteration);
        if (verdict.type !== "done") return;
        assert.equal(iteration.failure, undefined);
        assert.ok(!iteration.checks.includes(RED));
        assert.ok(!iteration.rules.supervisor);
        if (iteration.rules.autonomous || iteration.rules.singleTask) assert.ok(iteration.gate?.ready);
        if (iteration.rules.requireTests) assert.equal(iteration.tests?.unverifiable, false);
      }),
      { numRuns: 1000 },
    );
  });

  it("goes on only in the autonomous loop and with a closed breaker, so that every loop ends", () => {
    fc.assert(
      fc.property(fc.array(any, { maxLength: 60 }), (iterations) => {
        let breaker = newBreaker({ maxIterations: 5 });
        let made = 0;
        for (const iteration of iterations) {
          const decision = decide({ ...iteration, rules: LOOP, breaker });
          breaker = decision.breaker;
          if (decision.verdict.type === "continue") made += 1;
          else if (decision.verdict.type !== "recover") break;
        }
        assert.ok(made < 5);
      }),
    );
  });
});
