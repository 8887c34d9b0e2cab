import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { endOrphan } from "./end-orphan.ts";
import { factsOfStat, isRunning, startTimeOf, type ProcessIdentity } from "./identity.ts";
import { followSpool } from "./spool.ts";
import { startProcess, type StartedProcess } from "./start.ts";
import { stopProcess, type StopGraces } from "./stop.ts";
import { kill, RUN_MARKER, sweep } from "./sweep.ts";
import { event, scratch, writeProgram } from "./testing/scratch.ts";

const SHORT: StopGraces = { interruptMs: 100, closeMs: 100, termMs: 100, killMs: 5000 };
const LONG: StopGraces = { interruptMs: 60_000, closeMs: 60_000, termMs: 60_000, killMs: 60_000 };

/** Starts a program and waits for its first line, which is given as JSON. */
async function start(
  t: TestContext,
  source: string,
): Promise<{ agent: StartedProcess; said: unknown; runId: string }> {
  const folder = await scratch(t);
  const command = await writeProgram(join(folder, "agent.mjs"), source);
  const runId = `run-${process.pid}-${Math.random()}`;
  t.after(() => sweep({ name: RUN_MARKER, value: runId }));
  const stdout = join(folder, "out");
  const env = { PATH: process.env["PATH"] ?? "" };
  const spec = { command, args: [], cwd: folder, env, runId, stdout, stderr: join(folder, "err") };
  const agent = await startProcess(spec);
  const first = event<string>();
  const reader = await followSpool(stdout, { onLines: (lines) => first.fire(lines[0]?.text ?? "") });
  t.after(() => reader.close());
  return { agent, said: JSON.parse(await first.came), runId };
}

function stoppable(agent: StartedProcess, runId: string, interrupt?: () => Promise<unknown>) {
  return {
    process: agent,
    marker: { name: RUN_MARKER, value: runId },
    ...(interrupt ? { interrupt } : {}),
    closeInput: () => void agent.stdin.end(),
    exited: agent.exited,
  };
}

const READY = `console.log(JSON.stringify({ ready: true }));`;
const OBSTINATE = `process.on("SIGTERM", () => {}); process.on("SIGINT", () => {}); setInterval(() => {}, 1e6);`;
/** A child that leads a session of its own, as an agent's shell commands do, and reports its pid. */
const WITH_SESSION_LEADER = `
  import { spawn } from "node:child_process";
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1e6)"], { detached: true, stdio: "ignore" });
  console.log(JSON.stringify({ child: child.pid }));`;

test("an agent that obeys the interrupt and ends with its input gets no signal", async (t) => {
  const { agent, runId } = await start(
    t,
    `process.stdin.resume(); process.stdin.on("end", () => process.exit(0)); ${READY}`,
  );
  const report = await stopProcess(
    stoppable(agent, runId, () => Promise.resolve()),
    "interrupt",
    LONG,
  );
  assert.deepEqual(report, { step: "interrupt", ended: [], left: [] });
  assert.deepEqual(await agent.exited, { code: 0, signal: null });
});

test("an agent that ignores everything is killed after each grace time", async (t) => {
  const { agent, runId } = await start(t, `${OBSTINATE} ${READY}`);
  const report = await stopProcess(
    stoppable(agent, runId, () => new Promise(() => {})),
    "interrupt",
    SHORT,
  );
  assert.equal(report.step, "kill");
  assert.deepEqual(await agent.exited, { code: null, signal: "SIGKILL" });
});

test("an agent that ignores the end of its input gets SIGTERM", async (t) => {
  const { agent, runId } = await start(t, `setInterval(() => {}, 1e6); ${READY}`);
  const report = await stopProcess(stoppable(agent, runId), "terminate", { ...LONG, closeMs: 50 });
  assert.equal(report.step, "term");
  assert.deepEqual(await agent.exited, { code: null, signal: "SIGTERM" });
});

test("a command that leads a session of its own does not outlive the agent", async (t) => {
  const { agent, said, runId } = await start(t, `${WITH_SESSION_LEADER} setInterval(() => {}, 1e6);`);
  const { child } = said as { child: number };
  const identity = { pid: child, startTime: startTimeOf(child) ?? "" };
  assert.ok(isRunning(identity));
  const report = await stopProcess(stoppable(agent, runId), "kill", LONG);
  assert.deepEqual(report.ended, [child]);
  assert.ok(!isRunning(identity));
});

test("a child that cleaned its environment is found as long as its parent is known", async (t) => {
  const { agent, said, runId } = await start(
    t,
    `${WITH_SESSION_LEADER.replace("stdio:", "env: {}, stdio:")} setInterval(() => {}, 1e6);`,
  );
  const { child } = said as { child: number };
  const report = await stopProcess(stoppable(agent, runId), "kill", LONG);
  assert.deepEqual(report.ended, [child]);
});

test("an agent that is gone already is only swept after", async (t) => {
  const { agent, said, runId } = await start(t, `${WITH_SESSION_LEADER} child.unref();`);
  await agent.exited;
  const report = await stopProcess(stoppable(agent, runId), "interrupt", LONG);
  assert.deepEqual(report, { step: "none", ended: [(said as { child: number }).child], left: [] });
});

test("an orphan is ended with all that it started, another process of the same pid is not touched", async (t) => {
  const { agent, said, runId } = await start(t, `${WITH_SESSION_LEADER} setInterval(() => {}, 1e6);`);
  const { child } = said as { child: number };
  const stranger: ProcessIdentity = { pid: agent.pid, startTime: "1@other boot" };
  assert.deepEqual(await endOrphan(stranger, "another run"), { found: false, ended: [], left: [] });
  assert.ok(isRunning(agent));
  const report = await endOrphan(agent, runId);
  assert.equal(report.found, true);
  assert.ok(report.ended.includes(child));
  assert.ok(!isRunning(agent));
});

test("a marker matches whole values only", async (t) => {
  const { agent, runId } = await start(t, `setInterval(() => {}, 1e6); ${READY}`);
  assert.deepEqual(await sweep({ name: RUN_MARKER, value: runId.slice(0, -1) }), { ended: [], left: [] });
  assert.deepEqual(await sweep({ name: "KIMA_RUN_ID", value: runId }), { ended: [], left: [] });
  assert.ok(isRunning(agent));
  kill(agent.pid, "SIGKILL");
  await agent.exited;
});

test("a process name with spaces and parentheses does not shift the fields of its stat line", async () => {
  const own = await readFile("/proc/self/stat", "latin1");
  const rest = own.slice(own.lastIndexOf(")"));
  const plain = factsOfStat(7, `7 (node${rest}`, "b");
  const odd = factsOfStat(7, `7 (a) R 1 (b c${rest}`, "b");
  assert.ok(plain?.startTime.endsWith("@b"));
  assert.deepEqual(odd, plain);
});
