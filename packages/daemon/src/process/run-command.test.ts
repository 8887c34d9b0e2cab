import assert from "node:assert/strict";
import { test } from "node:test";
import { isRunning, startTimeOf, type ProcessIdentity } from "./identity.ts";
import { createTail } from "./output-tail.ts";
import { ProcessError } from "./process-error.ts";
import { createRedactor } from "./redact.ts";
import { runCommand, type CommandSpec } from "./run-command.ts";
import { event, scratch } from "./testing/scratch.ts";

const BASE: CommandSpec = {
  command: "true",
  cwd: "/",
  env: { PATH: process.env["PATH"] ?? "" },
  timeoutMs: 0,
};

const code = (error: unknown) => (error instanceof ProcessError ? error.code : undefined);

test("a command runs in a shell, and its output comes with its exit code", async (t) => {
  const cwd = await scratch(t);
  const result = await runCommand({ ...BASE, cwd, command: "echo out; echo err >&2; pwd; exit 3" });
  assert.equal(result.exitCode, 3);
  assert.ok(result.outputTail.includes("out\n") && result.outputTail.includes("err\n"));
  assert.ok(result.outputTail.includes(cwd));
  assert.equal(result.outputBytes, Buffer.byteLength(result.outputTail));
  assert.deepEqual([result.signal, result.timedOut, result.aborted], [null, false, false]);
});

test("of long output the end is kept, and all of it is counted and handed on", async () => {
  let handed = 0;
  const result = await runCommand({
    ...BASE,
    command: "seq 1 100000",
    tailCharacters: 1000,
    onOutput: (text) => (handed += text.length),
  });
  assert.equal(result.outputBytes, 588_895);
  assert.equal(handed, 588_895);
  assert.ok(result.outputTail.endsWith("99999\n100000\n"));
  assert.match(result.outputTail, /^… \(587895 characters before this\)\n/);
});

test("secrets are masked in its output, also when they come in pieces", async () => {
  const result = await runCommand({
    ...BASE,
    command: "printf hunter2; sleep 0.05; printf -- '-secret here'",
    redactor: createRedactor(["hunter2-secret"]),
  });
  assert.equal(result.outputTail, "[redacted] here");
});

test("one that takes too long is ended with all that it started", async () => {
  const children: ProcessIdentity[] = [];
  const result = await runCommand({
    ...BASE,
    command: "setsid sleep 1000 & echo $!; trap '' TERM; sleep 1000",
    timeoutMs: 300,
    onOutput(text) {
      children.push({ pid: Number(text), startTime: startTimeOf(Number(text)) ?? "" });
    },
  });
  assert.equal(result.timedOut, true);
  assert.deepEqual([children.length, children.some(isRunning)], [1, false]);
});

test("one that was aborted is ended, and what it left in the background is too", async () => {
  const abort = new AbortController();
  const said = event<string>();
  const running = runCommand({
    ...BASE,
    command: "sleep 1000 & echo $!; wait",
    signal: abort.signal,
    onOutput: (text) => said.fire(text),
  });
  const pid = Number(await said.came);
  const identity = { pid, startTime: startTimeOf(pid) ?? "" };
  assert.ok(isRunning(identity));
  abort.abort();
  const result = await running;
  assert.deepEqual([result.aborted, result.exitCode, result.signal], [true, null, "SIGTERM"]);
  assert.ok(!isRunning(identity));
});

test("a background process that keeps the output open does not hold up the end", async () => {
  const result = await runCommand({ ...BASE, command: "setsid sleep 1000 & exit 0" });
  assert.equal(result.exitCode, 0);
  assert.ok(result.durationMs < 60_000);
});

test("a folder or a sandbox that is not there is told", async () => {
  await assert.rejects(runCommand({ ...BASE, cwd: "/nowhere" }), (error) => code(error) === "cwd_missing");
  await assert.rejects(
    runCommand({ ...BASE, wrap: ["no-sandbox"] }),
    (error) => code(error) === "spawn_failed",
  );
});

test("a tail keeps the last characters, and says what came before", () => {
  const tail = createTail(5);
  for (const character of "abcdefghijklmnopqrstuvwxyz") tail.push(character);
  assert.equal(tail.text(), "… (21 characters before this)\nvwxyz");
});
