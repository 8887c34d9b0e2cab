import assert from "node:assert/strict";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { configSchema } from "@makima/protocol/config";
import { CliError } from "../cli-error.ts";
import { findScript, requireClaude } from "./agent.ts";
import { readGoal } from "./goal.ts";
import { nearest } from "./nearest.ts";
import { durationMs, positiveNumber, wholeNumber } from "./numbers.ts";
import { scratch } from "./testing/scratch-repository.ts";

const noInput = () => Promise.resolve(Buffer.alloc(0));
const notText = () => Promise.resolve(Buffer.from([0x66, 0xe9, 0x66]));
const isUsage = (about: RegExp) => (error: unknown) =>
  error instanceof CliError && error.exit === 2 && about.test(error.message) && error.next.length > 0;

test("a goal is taken from the command line, a file or standard input", async () => {
  using folder = scratch("folder");
  folder.write("plan.md", "# Plan\n");
  assert.equal(await readGoal({ goal: "  Fix it \n" }, noInput), "Fix it");
  assert.equal(await readGoal({ planFile: join(folder.path, "plan.md") }, noInput), "# Plan");
  assert.equal(await readGoal({ planFile: "-" }, () => Promise.resolve(Buffer.from("Do é"))), "Do é");
});

test("no goal, two goals, an empty, a binary, an unreadable and a huge one are usage errors", async () => {
  using folder = scratch("folder");
  folder.write("latin", Buffer.from([0x66, 0xe9]).toString("latin1"));
  const table: [Parameters<typeof readGoal>[0], RegExp][] = [
    [{}, /no goal/],
    [{ goal: "a", planFile: "b" }, /Both/],
    [{ goal: " \n\t" }, /empty/],
    [{ goal: "a\0b" }, /NUL/],
    [{ planFile: join(folder.path, "gone.md") }, /no such file/],
    [{ planFile: folder.path }, /a folder/],
    [{ goal: "x".repeat(256 * 1024 + 1) }, /at most 256 KiB/],
    [{ goal: "é".repeat(128 * 1024 + 1) }, /at most 256 KiB/],
  ];
  for (const [source, about] of table) await assert.rejects(readGoal(source, noInput), isUsage(about));
  await assert.rejects(readGoal({ planFile: "-" }, notText), isUsage(/not UTF-8/));
});

test("the simulated agent's scripts are built-in names or files, and a misspelt one is guessed", async () => {
  using folder = scratch("folder");
  folder.write("mine.yaml", "turns: [[]]");
  const names = ["happy", "crash"];
  assert.equal(await findScript("happy", names), "happy");
  assert.equal(await findScript(join(folder.path, "mine.yaml"), names), join(folder.path, "mine.yaml"));
  await assert.rejects(
    findScript("hapy", names),
    (error: CliError) => error.next[0] === "--agent-script happy",
  );
});

function claudeRefusal(
  env: Record<string, string>,
  uid: number | undefined,
  settings: unknown = {},
): Promise<string> {
  return requireClaude(configSchema.parse({ process: settings }), { env, uid }).then(
    () => "fine",
    (error: CliError) => error.code,
  );
}

test("claude must be there, and must not be root without a sandbox", async () => {
  using folder = scratch("folder");
  folder.write("claude", "#!/bin/sh\n");
  chmodSync(join(folder.path, "claude"), 0o755);
  const config = configSchema.parse({});
  const PATH = folder.path;
  assert.equal(await claudeRefusal({ PATH: "/nonexistent" }, 1000), "AGENT_MISSING");
  assert.equal(await claudeRefusal({ PATH }, 1000), "fine");
  assert.equal(await claudeRefusal({ PATH }, 0), "AGENT_AS_ROOT");
  assert.equal(await claudeRefusal({ PATH, IS_SANDBOX: "1" }, 0), "fine");
  assert.equal(await claudeRefusal({ PATH }, 0, { bubblewrap: { enabled: true } }), "fine");
  assert.equal(await claudeRefusal({ PATH }, 0, { enable_permissions: true }), "fine");
  await assert.rejects(
    requireClaude(config, { env: { PATH: "" }, uid: 1 }),
    (error: CliError) =>
      error.next.some((line) => line.includes("npm install")) &&
      error.next.some((line) => line.includes("--agent sim")),
  );
});

test("durations and numbers say what they take", () => {
  const table: [string, number][] = [
    ["90", 90_000],
    ["1.5s", 1500],
    ["20m", 1_200_000],
    ["1h30m", 5_400_000],
    ["250ms", 250],
  ];
  for (const [text, ms] of table) assert.equal(durationMs(text), ms);
  for (const text of ["", "0", "-1", "1x", "m", "25d", "1h 30m"])
    assert.throws(() => durationMs(text), /duration/);
  assert.equal(wholeNumber(1, 50)("7"), 7);
  for (const text of ["0", "51", "1.5", "x", "-1", "1e1"])
    assert.throws(() => wholeNumber(1, 50)(text), /from 1 to 50/);
  for (const text of ["0", "x", "", "Infinity", "2000"])
    assert.throws(() => positiveNumber(1000)(text), /above 0/);
});

test("a misspelt word finds the one that was meant, and nothing else", () => {
  assert.equal(nearest("mian", ["develop", "main"]), "main");
  assert.equal(nearest("MAIN", ["main"]), "main");
  assert.equal(nearest("zebra", ["main", "develop"]), undefined);
  assert.equal(nearest("ab", []), undefined);
});
