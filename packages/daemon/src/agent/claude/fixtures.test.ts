/** Lines that Claude Code really wrote, and what makima must make of each process. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { classify } from "@makima/core/classify";
import { findGate } from "@makima/core/completion-gate";
import type { AgentEvent } from "@makima/protocol/agent-event";
import { collectFacts, toRunFacts } from "../turn-facts.ts";
import { claude } from "./adapter.ts";

const FOLDER = join(import.meta.dirname, "fixtures");
const NOW = Date.UTC(2026, 10, 21, 0, 10);

function read(name: string) {
  const parser = claude.createParser();
  const collector = collectFacts();
  const events: AgentEvent[] = [];
  for (const line of readFileSync(join(FOLDER, name), "utf8").split("\n")) {
    for (const event of parser.line(line)) {
      collector.add(event);
      events.push(event);
    }
  }
  return { events, collector, facts: collector.facts() };
}

const ENDED = "success";
const FAILED = "success, is_error";

// file → last result, class of the failure, gate's ready, first characters of the session, cost, turns
type Row = [
  last: string | undefined,
  kind: string | undefined,
  gate: boolean | undefined,
  session: string,
  cost: number,
  turns?: number,
];
const EXPECTED: Record<string, Row> = {
  "api-error-500": [FAILED, "overloaded", undefined, "3150cb57", 0],
  "api-error-529": [FAILED, "overloaded", undefined, "7da34f21", 0],
  "ask-answered": [ENDED, undefined, true, "839ebc2b", 0.00395],
  "ask-user": [ENDED, undefined, true, "8a4bfa00", 0.004375],
  "auth-401-oauth": [FAILED, "auth", undefined, "f5c3833f", 0],
  "auth-401": [FAILED, "auth", undefined, "a10979b3", 0],
  "auth-403": [FAILED, "auth", undefined, "fcbb0744", 0],
  "bad-request-400": [FAILED, "unknown", undefined, "3c8aa150", 0],
  "bash-background": [ENDED, undefined, true, "e855520d", 0.00275],
  "bash-commit": [ENDED, undefined, true, "0b1adda6", 0.00355],
  "bash-fails": [ENDED, undefined, false, "fff21011", 0.00305],
  "bash-file": [ENDED, undefined, true, "a65d8bd0", 0.0029],
  "bg-finish-eof": [ENDED, undefined, true, "3e4e3b7a", 0.00405, 2],
  budget: ["error_max_budget_usd", "limit_reached", undefined, "4793fcec", 0.0058],
  compact: [ENDED, undefined, true, "b80efeb9", 0.01345, 4],
  "context-full": [ENDED, undefined, true, "4e8b0981", 1.171635],
  "credit-400": [FAILED, "limit_reached", undefined, "b095467d", 0],
  fork: [ENDED, undefined, true, "e3c52479", 0.001175],
  "gate-ready": [ENDED, undefined, true, "c63cf959", 0.001175],
  "gate-split-blocks": [ENDED, undefined, true, "2324fe18", 0.001275],
  hook: [ENDED, undefined, true, "12d42081", 0.001175],
  "interrupt-hang": ["error_during_execution", "crash", undefined, "91fca327", 0],
  interrupt: ["error_during_execution", "crash", undefined, "cb9850ba", 0.00155],
  "many-turns": [ENDED, undefined, true, "544e2817", 0.01575],
  "max-tokens": [FAILED, "unknown", undefined, "d0d55339", 0.0032],
  maxturns: ["error_max_turns", "limit_reached", undefined, "880e1691", 0.00435],
  "mid-stream-error": [ENDED, undefined, undefined, "673a484b", 0.00135],
  "model-404": [FAILED, "unknown", undefined, "a9f10657", 0],
  "no-gate": [ENDED, undefined, undefined, "fc659bc7", 0.00105],
  "no-key": [FAILED, "auth", undefined, "954f6d84", 0],
  "not-ready-then-ready.1": [ENDED, undefined, false, "acda9818", 0.001425],
  "not-ready-then-ready.2": [ENDED, undefined, true, "acda9818", 0.001275],
  "oauth-rate-limit-429": [FAILED, "overloaded", undefined, "cf4aafc1", 0],
  "oauth-usage-limit-429": [FAILED, "usage_limit", undefined, "02ea8035", 0],
  "oauth-usage-warning": [ENDED, undefined, true, "dcab34a0", 0.00075],
  "perm-allow": [ENDED, undefined, true, "8c318b49", 0.0029],
  "perm-ask": [ENDED, undefined, true, "a82976fb", 0.0035],
  "perm-deny": [ENDED, undefined, true, "7bfbb79f", 0.0029],
  "rate-limit-429": [FAILED, "overloaded", undefined, "1f80e2f5", 0],
  subagent: [ENDED, undefined, true, "dfb2c1e1", 0.0078],
  "v329-ask": [ENDED, undefined, true, "fd3d03d4", 0.00316],
  "v329-auth401": [FAILED, "auth", undefined, "decea8e6", 0],
  "v329-budget": ["error_max_budget_usd", "limit_reached", undefined, "e719f968", 0.0058],
  "v329-gate-split-blocks": [ENDED, undefined, true, "48cc1e08", 0.00102],
  "v329-init": [ENDED, undefined, true, "9df2e274", 0.00094],
  "v329-interrupt": ["error_during_execution", "crash", undefined, "39fd66b2", 0.00138],
  "v329-no-key": [FAILED, "auth", undefined, "568b0d6f", 0],
  "v329-oauth-usage-limit-429": [FAILED, "usage_limit", undefined, "6ac869b2", 0],
  "v329-sigint-hang": [undefined, "crash", undefined, "6b14045e", 0, 0],
  "v329-sigint-tool": ["error_during_execution", "crash", undefined, "54c77044", 0.00138],
  "v329-slow-start": [ENDED, undefined, true, "4728c782", 0.00092],
  "v329-unicode": [ENDED, undefined, true, "b46648b5", 0.00118],
};

test("every captured process is in the table", () => {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith(".ndjson"));
  assert.deepEqual(files.map((name) => name.replace(".ndjson", "")).sort(), Object.keys(EXPECTED).sort());
});

for (const [name, [last, kind, gate, session, cost, turns = 1]] of Object.entries(EXPECTED)) {
  test(`${name}: ${last ?? "no result"}, ${kind ?? "no failure"}, gate ${gate ?? "absent"}`, () => {
    const { facts, events } = read(`${name}.ndjson`);
    const { result } = facts;
    const shown = result && (result.subtype === "success" && result.isError ? FAILED : result.subtype);
    assert.equal(shown, last);
    const exit = { code: last === ENDED || !result ? 0 : 1, signal: null };
    assert.equal(classify(toRunFacts(facts, exit), NOW)?.kind, kind);
    assert.equal(findGate(facts.gateText)?.ready, gate);
    assert.equal(facts.sessionId?.slice(0, 8), session);
    assert.ok(Math.abs(facts.costUsd - cost) < 1e-9, `cost ${facts.costUsd}`);
    assert.equal(facts.turns, turns);
    assert.equal(facts.pending.length, 0);
    assert.ok(facts.heard);
    assert.ok(!events.some((event) => event.type === "raw"), "a line was not understood");
    assert.ok(
      !events.some(
        (event) => event.type === "notice" && /^block|^(assistant|user|result)$/.test(event.subtype),
      ),
    );
  });
}

test("a usage limit says when it ends", () => {
  const { facts } = read("oauth-usage-limit-429.ndjson");
  const failure = classify(toRunFacts(facts, { code: 1, signal: null }), NOW);
  assert.equal(failure?.resetsAt, 1_795_221_380_000);
});

test("a refused login is final at its first retry", () => {
  const parser = claude.createParser();
  const collector = collectFacts();
  for (const line of readFileSync(join(FOLDER, "auth-401.ndjson"), "utf8").split("\n").slice(0, 2)) {
    for (const event of parser.line(line)) collector.add(event);
  }
  assert.equal(collector.live.authFailed, true);
  assert.equal(collector.live.declared?.kind, "auth");
});

test("a summary, a tool's result and a subagent's answer are no words of the agent", () => {
  const compact = read("compact.ndjson");
  assert.ok(!compact.facts.gateText.includes("This session is being continued"));
  const withSubagent = read("subagent.ndjson").events;
  const own = withSubagent.flatMap((event) => (event.type === "text" && !event.subagent ? [event.text] : []));
  assert.deepEqual(own[0], "Delegating.");
  assert.equal(own.length, 2);
});

test("context in use is that of the main agent's newest message", () => {
  const parser = claude.createParser();
  const tokens = readFileSync(join(FOLDER, "context-full.ndjson"), "utf8")
    .split("\n")
    .flatMap((line) => parser.line(line))
    .flatMap((event) => (event.type === "context" ? [event.tokens] : []));
  assert.deepEqual(tokens, [195_001, 195_001, 101]);
});

test("the context window is the main model's, also when its name carries a mark", () => {
  assert.equal(read("gate-ready.ndjson").facts.contextWindow, 1_000_000);
  assert.equal(read("fork.ndjson").facts.contextWindow, 200_000);
});

test("a question carries what its answer must be merged into", () => {
  const asked = read("v329-ask.ndjson").events.find((event) => event.type === "question");
  assert.equal(asked?.questions[0]?.question, "Which colour?");
  assert.deepEqual(asked?.questions[0]?.options[1], { label: "Blue", description: "Blue" });
  const line = JSON.parse(claude.answer("r", asked?.input, { "Which colour?": "Blue" }));
  assert.equal(line.response.response.behavior, "allow");
  assert.deepEqual(line.response.response.updatedInput.answers, { "Which colour?": "Blue" });
  assert.equal(line.response.response.updatedInput.questions.length, 1);
});

test("what is no JSON is raw, what is unknown is a notice, and neither is lost", () => {
  const parser = claude.createParser();
  assert.deepEqual(parser.line("Killed"), [{ type: "raw", text: "Killed" }]);
  assert.deepEqual(parser.line("[1]"), [{ type: "raw", text: "[1]" }]);
  assert.deepEqual(parser.line(""), []);
  const future = { type: "telepathy", thought: "hm" };
  assert.deepEqual(parser.line(JSON.stringify(future)), [
    { type: "notice", subtype: "telepathy", data: future },
  ]);
  const odd = { type: "assistant", message: 7 };
  assert.deepEqual(parser.line(JSON.stringify(odd)), [{ type: "notice", subtype: "assistant", data: odd }]);
});
