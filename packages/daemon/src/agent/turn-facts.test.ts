import assert from "node:assert/strict";
import { test } from "node:test";
import { findGate } from "@makima/core/completion-gate";
import * as fc from "fast-check";
import { createGateText } from "./gate-text.ts";
import { collectFacts, toRunFacts } from "./turn-facts.ts";

const GATE = '<COMPLETION_GATE>\nready: true\nreason: "done"\n</COMPLETION_GATE>';
const NOT_YET = "<COMPLETION_GATE>\nready: false\n</COMPLETION_GATE>";

test("a gate cut anywhere between blocks of a message is found", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(GATE.length), { maxLength: 4 }), fc.boolean(), (cuts, sameMessage) => {
      const text = createGateText();
      const edges = [0, ...cuts, GATE.length].sort((a, b) => a - b);
      text.add("First I look around.", "m0");
      for (const [at, from] of edges.entries()) {
        text.add(GATE.slice(from, edges[at + 1] ?? from), sameMessage ? "m1" : `m${at + 1}`);
      }
      text.endTurn();
      assert.equal(findGate(text.text())?.ready, true);
    }),
  );
});

test("a gate that one turn leaves open is not closed by the next", () => {
  const text = createGateText();
  text.add("<COMPLETION_GATE>\nready: true\n", "a");
  text.endTurn();
  text.add("nothing to see</COMPLETION_GATE>", "b");
  text.endTurn();
  assert.equal(findGate(text.text()), undefined);
});

test("memory stays bounded, and an old gate is still found if no newer one came", () => {
  const text = createGateText();
  text.add(NOT_YET, "a");
  text.endTurn();
  text.add(GATE, "b");
  text.endTurn();
  for (let n = 0; n < 400; n += 1) text.add("x".repeat(10_000), `m${n}`);
  assert.ok(text.text().length < 1024 * 1024);
  assert.equal(findGate(text.text())?.ready, true);
  text.add(NOT_YET, "z");
  assert.equal(findGate(text.text())?.ready, false);
});

test("a gate that lies across the place where old text is dropped is kept whole", () => {
  for (let before = 0; before < 80; before += 7) {
    const text = createGateText();
    text.add("x".repeat(256 * 1024 - before), "a");
    text.add(GATE, "b");
    text.add("y".repeat(256 * 1024 + 10), "c");
    assert.equal(findGate(text.text())?.ready, true, `${before} characters before the edge`);
  }
});

test("usage is summed over turns, cost is that of the last result", () => {
  const facts = collectFacts();
  const result = {
    type: "result" as const,
    isError: false,
    subtype: "success",
    text: "",
    usage: { inputTokens: 10, outputTokens: 2, cacheReadTokens: 5, cacheWriteTokens: 1 },
    numTurns: 1,
    durationMs: 5,
    errors: [],
    permissionDenials: 0,
  };
  facts.add({ ...result, costUsd: 0.5 });
  facts.add({ ...result, costUsd: 0.75 });
  const { usage, costUsd, turns } = facts.facts();
  assert.deepEqual(usage, { inputTokens: 20, outputTokens: 4, cacheReadTokens: 10, cacheWriteTokens: 2 });
  assert.deepEqual([costUsd, turns], [0.75, 2]);
});

test("an error is forgotten once the agent goes on, a request once it was answered", () => {
  const facts = collectFacts();
  facts.add({ type: "apiRetry", attempt: 1, maxRetries: 10, delayMs: 1, error: "overloaded", status: 529 });
  facts.add({ type: "error", kind: "overloaded", message: "busy" });
  facts.add({ type: "permissionRequest", requestId: "r1", toolName: "Bash", input: {} });
  facts.add({ type: "permissionRequest", requestId: "r2", toolName: "Bash", input: {} });
  assert.equal(facts.facts().pending.length, 2);
  facts.answered("r1");
  facts.add({ type: "requestCancelled", requestId: "r2" });
  facts.add({ type: "text", text: "on we go", subagent: false });
  const { declared, retry, pending } = facts.facts();
  assert.deepEqual([declared, retry, pending], [undefined, undefined, []]);
});

test("a rejection that names no limit is not handed on as a used-up plan", () => {
  const facts = collectFacts();
  facts.add({ type: "rateLimit", status: "rejected" });
  assert.equal(toRunFacts(facts.facts(), { code: 1, signal: null }).rateLimit, undefined);
  facts.add({ type: "rateLimit", status: "rejected", limitType: "five_hour" });
  assert.equal(toRunFacts(facts.facts(), { code: 1, signal: null }).rateLimit?.status, "rejected");
});
