/** The simulated agent's lines beside those that the real claude wrote: the same kinds, the same keys. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { converse, Driven, FLAGS, isToolUse, Place, textsOf, type Line } from "./testing/drive.ts";

function fixture(name: string): Line[] {
  return readFileSync(new URL(`fixtures/${name}.ndjson`, import.meta.url), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
}

/** What a line is: its type, and what tells it from others of the type. */
function kindOf(line: Line): string {
  const content = line["message"]?.content;
  const block = Array.isArray(content) ? content[0].type : typeof content;
  return [line["type"], line["subtype"], content === undefined ? undefined : block].filter(Boolean).join(" ");
}

function pick(lines: readonly Line[], kind: string): Line {
  const found = lines.find((line) => kindOf(line) === kind);
  assert.ok(found, `there is no "${kind}" among ${lines.map(kindOf).join(", ")}`);
  return found;
}

function sameKeys(actual: object, expected: object, what: string, without: readonly string[] = []): void {
  const keys = (of: object) =>
    Object.keys(of)
      .filter((key) => !without.includes(key))
      .sort();
  assert.deepEqual(keys(actual), keys(expected), what);
}

test("a turn has the lines of the real one, key by key", async () => {
  using place = new Place();
  const script = place.script("turns:\n  - - gate: { text: All done., ready: true, reason: done }\n");
  const { lines } = await converse(place, { script }, "go");
  const real = fixture("v329-init");
  assert.deepEqual(lines.map(kindOf), real.map(kindOf));
  // It has no socket for other sessions to write to.
  sameKeys(pick(lines, "system init"), pick(real, "system init"), "init", ["messaging_socket_path"]);
  const [said, realSaid] = [pick(lines, "assistant text"), pick(real, "assistant text")];
  sameKeys(said, realSaid, "assistant");
  sameKeys(said["message"], realSaid["message"], "assistant.message");
  sameKeys(said["message"].usage, realSaid["message"].usage, "assistant.message.usage");
  const [result, realResult] = [pick(lines, "result success"), pick(real, "result success")];
  sameKeys(result, realResult, "result");
  sameKeys(result["usage"], realResult["usage"], "result.usage");
  sameKeys(result["modelUsage"].simulated, realResult["modelUsage"]["claude-opus-5-5"], "result.modelUsage");
  assert.equal(result["result"], realResult["result"].replace('reason: "done"', 'reason: "done"'));
  assert.notEqual(Object.keys(result)[0], "type");
  assert.equal(pick(lines, "system init")["model"], "simulated");
});

test("tool calls come with their results as the real ones do, good and bad", async () => {
  using place = new Place();
  const command = "echo to-stdout; echo to-stderr >&2; exit 3";
  const script = place.script(
    `turns:\n  - - say: One.\n    - run: ls\n    - run: { command: "${command}" }\n`,
  );
  const { lines } = await converse(place, { script }, "go");
  const realGood = pick(fixture("v329-budget"), "user tool_result");
  const realBad = pick(fixture("bash-fails"), "user tool_result");
  const [good, bad] = lines.filter((line) => kindOf(line) === "user tool_result");
  assert.ok(good && bad);
  sameKeys(good, realGood, "good");
  sameKeys(good["message"].content[0], realGood["message"].content[0], "good block");
  sameKeys(good["tool_use_result"], realGood["tool_use_result"], "good detail");
  assert.equal(good["message"].content[0].content, "(Bash completed with no output)");
  assert.equal(bad["message"].content[0].content, realBad["message"].content[0].content);
  assert.equal(bad["tool_use_result"], realBad["tool_use_result"]);
  assert.equal(bad["message"].content[0].is_error, true);
});

test("blocks of one call of the model share its message id, one line each", async () => {
  using place = new Place();
  const script = place.script(
    "turns:\n  - - think: Hm.\n    - say: One.\n    - run: 'true'\n    - say: Two.\n",
  );
  const { lines, last } = await converse(place, { script }, "go");
  const ids = lines.filter((line) => line["type"] === "assistant").map((line) => line["message"].id);
  assert.equal(ids.length, 4);
  assert.equal(new Set(ids.slice(0, 3)).size, 1);
  assert.notEqual(ids[2], ids[3]);
  assert.equal(last?.["num_turns"], 2);
  assert.equal(last?.["result"], "Two.");
});

test("a question is asked and answered in the real one's lines", async () => {
  using place = new Place();
  const ask = "{ question: 'Which colour?', header: Colour, options: [Red, Blue] }";
  const script = place.script(`turns:\n  - - ask: ${ask}\n    - say: "Answer: {{answer}}"\n`);
  await using driven = new Driven(place, { script });
  driven.prompt("go");
  const asked = await driven.until((line) => line["type"] === "control_request");
  const real = fixture("v329-ask");
  const realAsked = pick(real, "control_request");
  sameKeys(asked, realAsked, "request");
  sameKeys(asked["request"], realAsked["request"], "request.request");
  assert.deepEqual(asked["request"].input, realAsked["request"].input);
  driven.send({
    type: "control_response",
    response: {
      subtype: "success",
      request_id: asked["request_id"],
      response: { behavior: "allow", updatedInput: { answers: { "Which colour?": "Blue" } } },
    },
  });
  await driven.result();
  const [answer, realAnswer] = [pick(driven.lines, "user tool_result"), pick(real, "user tool_result")];
  sameKeys(answer, realAnswer, "answer");
  sameKeys(answer["message"].content[0], realAnswer["message"].content[0], "answer block");
  assert.equal(answer["message"].content[0].content, realAnswer["message"].content[0].content);
  assert.deepEqual(answer["tool_use_result"].answers, realAnswer["tool_use_result"].answers);
  assert.deepEqual(textsOf(driven.lines), ["Answer: Blue"]);
});

test("a subagent's lines carry its parent, and its text comes back inside a tool result", async () => {
  using place = new Place();
  const script = place.script(
    "turns:\n  - - subagent: { text: It is done., run: 'true' }\n    - say: Thanks.\n",
  );
  const { lines } = await converse(place, { script }, "go");
  const real = fixture("subagent").filter((line) => kindOf(line) !== "assistant text");
  const kinds = lines.map(kindOf).filter((kind) => kind !== "assistant text");
  assert.deepEqual(
    kinds,
    real.map(kindOf).filter((kind) => kind !== "system task_progress"),
  );
  const parents = lines.filter((line) => line["parent_tool_use_id"]);
  assert.equal(parents.length, 3);
  assert.match(JSON.stringify(lines.findLast((line) => kindOf(line) === "user tool_result")), /It is done\./);
});

test("an API failure is a success with is_error, in the mouth of a synthetic model", async () => {
  using place = new Place();
  const { lines, code, last } = await converse(place, { script: "usage-limit" }, "go");
  const real = fixture("v329-oauth-usage-limit-429");
  sameKeys(pick(lines, "rate_limit_event"), pick(real, "rate_limit_event"), "event");
  const realInfo = pick(real, "rate_limit_event")["rate_limit_info"];
  sameKeys(pick(lines, "rate_limit_event")["rate_limit_info"], realInfo, "event info");
  const said = lines.find((line) => line["message"]?.model === "<synthetic>");
  const realSaid = pick(real, "assistant text");
  assert.ok(said);
  sameKeys(said, realSaid, "synthetic", ["api_error_params"]);
  sameKeys(said["message"], realSaid["message"], "synthetic.message");
  sameKeys(last ?? {}, pick(real, "result success"), "result");
  assert.equal(code, 1);
  assert.match(String(last?.["result"]), /^You've hit your 5-hour limit · resets \d+:\d\d[ap]m \(UTC\)$/);
});

test("a background command makes a second result, even after the end of input", async () => {
  using place = new Place();
  const script = place.script("turns:\n  - - backgroundResult: sleep 0.2\n    - say: Started.\n");
  const { lines, code } = await converse(place, { script, speed: 1 }, "go");
  assert.deepEqual(lines.map(kindOf), fixture("bg-finish-eof").map(kindOf));
  const [first, second] = lines.filter((line) => line["type"] === "result");
  assert.deepEqual(second?.["origin"], { kind: "task-notification" });
  assert.ok(second?.["total_cost_usd"] > first?.["total_cost_usd"]);
  assert.equal(code, 0);
});

test("a background command that lasts is given up after the end of input", async () => {
  using place = new Place();
  const script = place.script("turns:\n  - - backgroundResult: sleep 60\n    - say: Started.\n");
  const { lines, code } = await converse(place, { script }, "go");
  assert.equal(lines.filter((line) => line["type"] === "result").length, 1);
  assert.equal(code, 0);
});

test("costs add up over a process, usage and turns are of each turn", async () => {
  using place = new Place();
  const script = place.script("turns:\n  - - cost: 0.5\n    - say: One.\n  - - say: Two.\n");
  await using driven = new Driven(place, { script });
  driven.prompt("go");
  const first = await driven.result();
  driven.prompt("on");
  const second = await driven.result(2);
  assert.ok(first["total_cost_usd"] > 0.5);
  assert.ok(second["total_cost_usd"] > first["total_cost_usd"]);
  assert.equal(second["num_turns"], 1);
  const { simulated } = second["modelUsage"];
  assert.equal(simulated.outputTokens, first["usage"].output_tokens + second["usage"].output_tokens);
});

test("the budget ends the turn after the call that crossed it, and --max-turns before the one too many", async () => {
  using place = new Place();
  const steps =
    "    - run: echo 1\n    - run: echo 2\n    - run: echo 3\n    - run: echo 4\n    - say: Done.\n";
  const script = place.script(`turns:\n  - - cost: 0.004\n${steps}`);
  const budget = await converse(place, { script, more: ["--max-budget-usd", "0.005"] }, "go");
  const realBudget = pick(fixture("v329-budget"), "result error_max_budget_usd");
  sameKeys(budget.last ?? {}, realBudget, "budget");
  assert.deepEqual(budget.last?.["errors"], realBudget["errors"]);
  assert.equal(budget.code, 1);
  const turns = await converse(place, { script, more: ["--max-turns", "3"] }, "go");
  assert.equal(turns.last?.["subtype"], "error_max_turns");
  assert.deepEqual(turns.last?.["errors"], ["Reached maximum number of turns (3)"]);
  assert.equal(turns.last?.["num_turns"], 4);
  assert.equal(turns.code, 1);
});

test("output of more than 30 KB is stored and previewed", async () => {
  using place = new Place();
  const script = place.script('turns:\n  - - run: "yes 0123456789 | head -c 50000"\n');
  const { lines } = await converse(place, { script }, "go");
  const result = pick(lines, "user tool_result");
  assert.match(result["message"].content[0].content, /^<persisted-output>\nOutput too large \(48\.8KB\)/);
  assert.ok(result["tool_use_result"].stdout.length <= 30_000);
});

test("without leave to ask, tools are refused and the question tool is not there", async () => {
  using place = new Place();
  const ask = "{ question: 'Which?', options: [Red] }";
  const script = place.script(`turns:\n  - - write: { path: a.txt, content: a }\n    - ask: ${ask}\n`);
  const { lines, last, code } = await converse(place, { script, flags: FLAGS.slice(0, 3) }, "go");
  const [written, asked] = lines.filter((line) => kindOf(line) === "user tool_result");
  assert.match(written?.["tool_use_result"], /haven't granted it yet/);
  assert.match(asked?.["tool_use_result"], /exists but is not enabled in this context/);
  assert.equal(last?.["permission_denials"].length, 1);
  assert.equal(code, 0);
  assert.ok(!lines[0]?.["tools"].includes("AskUserQuestion"));
  assert.ok(lines.some((line) => isToolUse(line, "AskUserQuestion")));
});
