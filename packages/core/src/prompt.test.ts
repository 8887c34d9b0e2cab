import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { findGate } from "./completion-gate.ts";
import type { ProgressEntry } from "./progress-log.ts";
import { asMessage, buildPrompt, continuationPrompt, systemPromptPart, type PromptFacts } from "./prompt.ts";
import { estimateTokens } from "./token-estimate.ts";

const ENTRY: ProgressEntry = {
  at: "2026-01-22T10:00:00Z",
  taskId: "t-91c2",
  taskName: "parse dates",
  status: "done",
  filesChanged: ["a.ts"],
  learnings: [],
};
const FACTS: PromptFacts = {
  plan: "Add rate limiting.",
  recovery: {
    branch: "makima/checkout/limit-91c2",
    gitStatus: " M a.ts\n?? b.ts\n",
    lastCheckpoint: { at: "2026-01-22T10:00:00Z", message: "iteration 2" },
    recentProgress: [ENTRY],
    phase: "execute",
    iteration: 3,
    maxIterations: 10,
    lastGate: { ready: false, reason: "two tests are red" },
    failedChecks: ["Tests pass"],
  },
  progress: [ENTRY],
  learnings: [{ text: "run codegen after editing the schema", source: "t-12ab" }],
};

describe("the first message", () => {
  it("is header, progress, learnings and plan, in this order", () => {
    assert.equal(
      buildPrompt(FACTS),
      `## Context Recovery
- Current branch: makima/checkout/limit-91c2
- Git status:
   M a.ts
  ?? b.ts
- Last checkpoint: 2026-01-22T10:00:00Z, iteration 2
- Progress log (recent):
  - 2026-01-22T10:00:00Z [t-91c2] parse dates: done
- Current phase: execute
- Iteration: 3 of 10; last gate: not ready — two tests are red; checks that failed: Tests pass

## Progress log
## [2026-01-22T10:00:00Z] - Task [t-91c2]: parse dates
- Status: done
- Files changed: a.ts
---

## Learned patterns for this codebase
- run codegen after editing the schema (t-12ab)

## Task
Add rate limiting.`,
    );
  });

  it("is the plan alone where there is nothing else", () => {
    assert.equal(buildPrompt({ plan: "Do it", progress: [], learnings: [] }), "Do it");
  });

  it("says so when the tree is clean", () => {
    assert.match(buildPrompt({ ...FACTS, recovery: { gitStatus: "" } }), /- Git status: clean\n/);
  });

  it("leaves out old log entries first, then learnings, then status lines, and never the plan", () => {
    const progress = Array.from({ length: 20 }, (_, at) => ({ ...ENTRY, taskName: `entry ${at}` }));
    const at = (maxHeaderTokens: number): string => buildPrompt({ ...FACTS, progress, maxHeaderTokens });
    const some = at(400);
    assert.ok(!some.includes("entry 0:") && some.includes("entry 19") && some.includes("codegen"));
    const few = at(95);
    assert.ok(!few.includes("entry 19") && few.includes("codegen") && few.includes("?? b.ts"));
    const fewer = at(75);
    assert.ok(!fewer.includes("codegen") && fewer.includes("?? b.ts"));
    const none = at(0);
    assert.ok(
      !none.includes("?? b.ts") &&
        none.includes("Git status: 2 lines") &&
        none.includes("Add rate limiting."),
    );
    assert.ok(none.includes("Current branch") && none.includes("Iteration: 3 of 10"));
  });

  it("never begins with a slash", () => {
    assert.equal(asMessage("/init now"), "Message:\n/init now");
    assert.equal(asMessage("  /init"), "Message:\n  /init");
    assert.equal(asMessage("do /init"), "do /init");
    assert.ok(!buildPrompt({ plan: "/etc/hosts is wrong", progress: [], learnings: [] }).startsWith("/"));
  });

  it("keeps the plan whole and its header within the limit or at its least, for any facts", () => {
    const lines = fc.array(fc.string({ maxLength: 60 }), { maxLength: 30 });
    fc.assert(
      fc.property(
        fc.string(),
        lines,
        lines,
        fc.nat({ max: 2000 }),
        (plan, learned, status, maxHeaderTokens) => {
          const recovery = { branch: "b", gitStatus: status.join("\n") };
          const learnings = learned.map((text) => ({ text }));
          const prompt = buildPrompt({ plan, recovery, progress: [ENTRY], learnings, maxHeaderTokens });
          assert.ok(prompt.endsWith(`## Task\n${plan}`));
          const header = prompt.slice(0, -`## Task\n${plan}`.length);
          assert.ok(estimateTokens(header) <= Math.max(maxHeaderTokens, 40));
        },
      ),
    );
  });
});

describe("the message that sends an agent on", () => {
  it("names the gate's own blockers", () => {
    const prompt = continuationPrompt({
      type: "continue",
      because: "not_ready",
      feedback: ["the parser", "the docs"],
    });
    assert.match(prompt, /in the way:\n- the parser\n- the docs\n/);
  });

  it("tells what failed with its output indented, after the header", () => {
    const feedback = ["Tests pass (exit code 1)\n$ npm test\n1 failed"];
    const prompt = continuationPrompt(
      { type: "continue", because: "check_failed", feedback },
      FACTS.recovery,
    );
    assert.ok(prompt.startsWith("## Context Recovery\n"));
    assert.match(prompt, /This failed:\n- Tests pass \(exit code 1\)\n {4}\$ npm test\n {4}1 failed\n/);
  });

  it("asks for the gate that was missing", () => {
    assert.match(
      continuationPrompt({ type: "continue", because: "no_gate", feedback: [] }),
      /without a <COMPLETION_GATE>/,
    );
  });
});

describe("the part of the system prompt", () => {
  it("holds the gate's instructions where the task loops, and the criteria", () => {
    const part = systemPromptPart({ gate: true, branch: "makima/a/b", criteria: ["Tests pass"] });
    assert.match(part, /branch `makima\/a\/b`/);
    assert.match(part, /- Tests pass\n/);
    assert.match(part, /<COMPLETION_GATE>\nready: true or false\n/);
    assert.ok(!systemPromptPart({ gate: false, criteria: [] }).includes("COMPLETION_GATE"));
  });

  it("shows an example that counts as not ready if an agent only repeats it", () => {
    assert.equal(findGate(systemPromptPart({ gate: true, criteria: [] }))?.ready, false);
  });
});
