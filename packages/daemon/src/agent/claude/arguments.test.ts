import assert from "node:assert/strict";
import { test } from "node:test";
import type { LaunchSpec } from "../agent.ts";
import { claude } from "./adapter.ts";

const SPEC: LaunchSpec = {
  prompt: "do it",
  session: { mode: "new", id: "11111111-1111-4111-8111-111111111111" },
  enablePermissions: false,
  disableVerbose: false,
  preArgs: [],
  args: [],
  folder: "/spool",
};

const args = (more: Partial<LaunchSpec>) => claude.launch({ ...SPEC, ...more }).args;

const budget = (maxBudgetUsd: number) => {
  const all = args({ maxBudgetUsd });
  return all[all.indexOf("--max-budget-usd") + 1];
};

const sent = (text: string) => JSON.parse(claude.userMessage(text)).message.content[0].text as string;

test("the arguments come in their order, the person's first and last", () => {
  assert.deepEqual(
    args({
      preArgs: ["cli.js"],
      systemPrompt: "you are",
      appendSystemPrompt: "and also",
      model: "opus",
      maxBudgetUsd: 1.5,
      args: ["--setting-sources", "user"],
    }),
    [
      "cli.js",
      "--output-format=stream-json",
      "--input-format=stream-json",
      "--verbose",
      "--replay-user-messages",
      "--dangerously-skip-permissions",
      "--permission-prompt-tool",
      "stdio",
      "--system-prompt",
      "you are",
      "--append-system-prompt",
      "and also",
      "--model",
      "opus",
      "--max-budget-usd",
      "1.5",
      "--session-id",
      "11111111-1111-4111-8111-111111111111",
      "--setting-sources",
      "user",
    ],
  );
});

test("with permissions enabled nothing is skipped", () => {
  assert.ok(!args({ enablePermissions: true }).includes("--dangerously-skip-permissions"));
});

test("a session is opened, resumed by its id, or forked from another", () => {
  assert.deepEqual(args({ session: { mode: "resume", id: "a" } }).slice(-2), ["--resume", "a"]);
  assert.deepEqual(args({ session: { mode: "fork", id: "b", from: "a" } }).slice(-5), [
    "--resume",
    "a",
    "--fork-session",
    "--session-id",
    "b",
  ]);
});

test("a long system prompt goes by file", () => {
  const long = "é".repeat(60 * 1024);
  const launch = claude.launch({ ...SPEC, systemPrompt: long });
  assert.deepEqual(launch.files, [{ path: "/spool/system-prompt.md", content: long }]);
  const at = launch.args.indexOf("--system-prompt-file");
  assert.equal(launch.args[at + 1], "/spool/system-prompt.md");
  assert.ok(!launch.args.includes("--system-prompt"));
});

test("--verbose stays, and that it does is said", () => {
  const launch = claude.launch({ ...SPEC, disableVerbose: true });
  assert.ok(launch.args.includes("--verbose"));
  assert.match(launch.notes[0] ?? "", /disable_verbose has no effect/);
});

test("a budget is written without exponent and is never zero", () => {
  assert.deepEqual([budget(5), budget(0.1), budget(1e-9), budget(10)], ["5", "0.1", "0.0001", "10"]);
});

test("a prompt is one line, and never one of the agent's own commands", () => {
  const [line, ...more] = claude.launch({ ...SPEC, prompt: "a\nb\u2028c" }).firstLines;
  assert.deepEqual(more, []);
  assert.ok(line && !line.includes("\n"));
  assert.equal(sent("two / three"), "two / three");
  assert.equal(sent("  /compact"), "Message:\n  /compact");
  assert.equal(sent("/etc/hosts is"), claude.echoOf("/etc/hosts is"));
});

test("control lines carry the request they answer", () => {
  assert.deepEqual(JSON.parse(claude.interrupt("i")), {
    type: "control_request",
    request_id: "i",
    request: { subtype: "interrupt" },
  });
  assert.deepEqual(JSON.parse(claude.deny("r", "no")).response, {
    subtype: "success",
    request_id: "r",
    response: { behavior: "deny", message: "no" },
  });
  assert.deepEqual(JSON.parse(claude.allow("r", { command: "ls" })).response.response, {
    behavior: "allow",
    updatedInput: { command: "ls" },
  });
  assert.deepEqual(JSON.parse(claude.decline("r", "unknown")).response, {
    subtype: "error",
    request_id: "r",
    error: "unknown",
  });
});
