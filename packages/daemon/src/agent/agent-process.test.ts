import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { findGate } from "@makima/core/completion-gate";
import { isRunning, startTimeOf, type ProcessIdentity } from "../process/identity.ts";
import { ProcessError } from "../process/process-error.ts";
import { createStartGate } from "../process/start-gate.ts";
import { manualClock } from "../process/testing/manual-clock.ts";
import { followSpool } from "../process/spool.ts";
import { event, scratch } from "../process/testing/scratch.ts";
import { spoolFiles } from "./agent-output.ts";
import { claude } from "./claude/adapter.ts";
import { recoverOutput } from "./recover-output.ts";
import { startFake } from "./testing/fake-agent.ts";

const ONE_TURN = `
onLine((line) => { echo(line); init(); text("Done.\\n<COMPLETION_GATE>\\nready: true\\n</COMPLETION_GATE>"); result(); });
onEnd(() => process.exit(0));`;
const code = (wanted: string) => (error: unknown) => error instanceof ProcessError && error.code === wanted;
const QUICK = { interruptMs: 200, closeMs: 200, termMs: 200, killMs: 5000 };

test("an agent gets its prompt, its input is closed at the result, and its facts come with its end", async (t) => {
  const { agent } = await startFake(t, ONE_TURN);
  const exit = await agent.exited;
  assert.deepEqual([exit.code, exit.signal, exit.stoppedBy], [0, null, undefined]);
  assert.equal(exit.facts.turns, 1);
  assert.equal(exit.facts.costUsd, 0.5);
  assert.equal(findGate(exit.facts.gateText)?.ready, true);
  assert.deepEqual([exit.undelivered, exit.swept], [[], []]);
  assert.ok(!isRunning(agent));
});

test("an agent that spoke before it is followed is heard", async (t) => {
  const spoolFolder = await scratch(t);
  const spoke = event();
  const { agent, events } = await startFake(t, `init(); text("early");${ONE_TURN}`, {
    spoolFolder,
    async onStarted() {
      const reader = await followSpool(spoolFiles(spoolFolder).stdout, { onLines: () => spoke.fire() });
      await spoke.came;
      await reader.close();
    },
  });
  const exit = await agent.exited;
  assert.deepEqual([exit.code, exit.facts.turns], [0, 1]);
  assert.ok(events.some((one) => one.type === "text" && one.text === "early"));
});

test("what was written just before the end is not lost, a line without end and stderr included", async (t) => {
  const { agent, events, stderr } = await startFake(
    t,
    `onLine(() => { for (let n = 0; n < 20_000; n += 1) text("line " + n); process.stderr.write("oh\\nno"); process.stdout.write("half"); process.exitCode = 3; process.stdin.destroy(); });`,
  );
  const exit = await agent.exited;
  assert.equal(exit.code, 3);
  assert.equal(events.filter((e) => e.type === "text").length, 20_000);
  assert.deepEqual(events.at(-1), { type: "raw", text: "half" });
  assert.deepEqual(stderr, ["oh", "no"]);
  assert.match(exit.facts.stderrTail, /oh\nno/);
});

test("a message counts as delivered at its echo, and input stays open for its turn", async (t) => {
  const { agent, seen } = await startFake(
    t,
    `let n = 0;
     onLine((line) => { n += 1; if (n === 1) { init(); text("working"); } else { echo(line); result(); } });
     onEnd(() => process.exit(0));`,
  );
  await seen("text");
  assert.equal(await agent.send("/stop, and do this"), true);
  const exit = await agent.exited;
  assert.equal(exit.code, 0);
  assert.deepEqual(exit.undelivered, []);
});

test("a message that the agent never took in is given back", async (t) => {
  const { agent, seen } = await startFake(t, `onLine(() => { init(); }); setInterval(() => {}, 1e6);`, {
    graces: QUICK,
  });
  await seen("session");
  const sent = agent.send("are you there?");
  await agent.stop("kill");
  assert.equal(await sent, false);
  const exit = await agent.exited;
  assert.deepEqual([exit.undelivered, exit.stoppedBy, exit.signal], [["are you there?"], "asked", "SIGKILL"]);
  assert.equal(await agent.send("too late"), false);
});

test("a question keeps the input open at a result's distance until it is answered", async (t) => {
  const { agent, seen } = await startFake(
    t,
    `onLine((line) => {
       if (line.type === "user") { init(); say({ type: "control_request", request_id: "q1", request: { subtype: "can_use_tool", tool_name: "AskUserQuestion", input: { questions: [{ question: "Which?", options: [{ label: "A" }], multiSelect: false }] } } }); }
       else { text("you said " + JSON.stringify(line.response.response.updatedInput.answers)); result(); }
     });
     onEnd(() => process.exit(0));`,
  );
  const asked = await seen("question");
  assert.equal(agent.facts().pending.length, 1);
  assert.equal(agent.answer("another", {}), false);
  assert.equal(agent.answer(asked.requestId, { "Which?": "A" }), true);
  assert.equal(agent.answer(asked.requestId, { "Which?": "B" }), false);
  const exit = await agent.exited;
  assert.equal(exit.facts.lastText, 'you said {"Which?":"A"}');
});

test("a request of an unknown kind is declined, so that the agent does not wait for ever", async (t) => {
  const { agent } = await startFake(
    t,
    `onLine((line) => {
       if (line.type === "user") say({ type: "control_request", request_id: "x", request: { subtype: "mcp_message" } });
       else { text(line.response.subtype); result(); }
     });
     onEnd(() => process.exit(0));`,
  );
  assert.equal((await agent.exited).facts.lastText, "error");
});

test("of several results the last one counts, also one that comes after the input was closed", async (t) => {
  const { agent } = await startFake(
    t,
    `onLine(() => { init(); result({ total_cost_usd: 0.1 }); });
     onEnd(() => { init(); text("by myself"); result({ total_cost_usd: 0.2, is_error: true, result: "no" }); process.exitCode = 1; });`,
  );
  const exit = await agent.exited;
  assert.deepEqual([exit.facts.turns, exit.facts.costUsd, exit.facts.result?.isError], [2, 0.2, true]);
});

test("stopping asks the agent first, and its session stays whole", async (t) => {
  const { agent, seen } = await startFake(
    t,
    `onLine((line) => {
       if (line.type === "user") { init(); text("busy"); return; }
       say({ type: "control_response", response: { subtype: "success", request_id: line.request_id } });
       result({ subtype: "error_during_execution", is_error: true });
     });
     onEnd(() => process.exit(1));`,
  );
  await seen("text");
  const report = await agent.stop("interrupt");
  assert.equal(report.step, "interrupt");
  const exit = await agent.exited;
  assert.deepEqual([exit.code, exit.stoppedBy], [1, "asked"]);
  assert.equal(exit.facts.result?.subtype, "error_during_execution");
});

test("a refused login is not waited out", async (t) => {
  const { agent } = await startFake(
    t,
    `onLine((line) => {
       if (line.type === "user") { init(); say({ type: "system", subtype: "api_retry", attempt: 1, max_retries: 10, retry_delay_ms: 5, error_status: 401, error: "authentication_failed" }); }
     });
     setInterval(() => {}, 1e6);`,
    { graces: QUICK },
  );
  const exit = await agent.exited;
  assert.equal(exit.stoppedBy, "auth");
  assert.equal(exit.facts.declared?.kind, "auth");
});

test("a session that is not there, or another one in its place, is told", async (t) => {
  const id = randomUUID();
  const gone = await startFake(
    t,
    `onLine(() => { console.error("No conversation found with session ID: x"); result({ subtype: "error_during_execution", is_error: true, errors: ["No conversation found with session ID: x"] }); process.exit(1); });`,
    { session: { mode: "resume", id } },
  );
  assert.equal((await gone.agent.exited).sessionRefused, "not_found");
  const other = await startFake(t, `onLine(() => init("another")); setInterval(() => {}, 1e6);`, {
    session: { mode: "resume", id },
    graces: QUICK,
  });
  const exit = await other.agent.exited;
  assert.deepEqual([exit.sessionRefused, exit.stoppedBy], ["other", "session"]);
});

test("an agent that says nothing after its start is reported once; one that spoke is not", async (t) => {
  const clock = manualClock();
  const silences: number[] = [];
  const watch = { clock, onSilent: (ms: number) => void silences.push(ms), graces: QUICK };
  const mute = await startFake(t, `setInterval(() => {}, 1e6);`, watch);
  clock.advance(29_999);
  assert.deepEqual(silences, []);
  clock.advance(60_000);
  assert.deepEqual(silences, [30_000]);
  await mute.agent.stop("kill");
  const talker = await startFake(t, `onLine(() => init()); setInterval(() => {}, 1e6);`, watch);
  await talker.seen("session");
  await new Promise((resolve) => setImmediate(resolve));
  clock.advance(60_000);
  assert.deepEqual(silences, [30_000]);
  await talker.agent.stop("kill");
});

test("an agent that goes on for ever after its input was closed is ended", async (t) => {
  const { agent } = await startFake(t, `onLine(() => result()); setInterval(() => {}, 1e6);`, {
    lingerMs: 50,
    graces: QUICK,
  });
  assert.equal((await agent.exited).stoppedBy, "linger");
});

test("no child of an agent survives its natural end", async (t) => {
  const { agent, seen } = await startFake(
    t,
    `import { spawn } from "node:child_process";
     const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1e6)"], { detached: true, stdio: "inherit" });
     child.unref();
     onLine(() => { text(String(child.pid)); result(); });
     onEnd(() => process.exit(0));`,
  );
  const pid = Number((await seen("text")).text);
  const child = { pid, startTime: startTimeOf(pid) ?? "" };
  const exit = await agent.exited;
  assert.deepEqual(exit.swept, [pid]);
  assert.ok(!isRunning(child));
});

test("when its output cannot be stored, the agent is ended and that is told", async (t) => {
  const { agent } = await startFake(t, `onLine(() => init()); setInterval(() => {}, 1e6);`, {
    onEvents() {
      throw new Error("journal is full");
    },
  });
  await assert.rejects(agent.exited, /journal is full/);
  assert.ok(!isRunning(agent));
});

test("what cannot be started is told apart, and leaves nothing behind", async (t) => {
  await assert.rejects(startFake(t, "", { cwd: "/nowhere/at/all" }), code("cwd_missing"));
  await assert.rejects(startFake(t, "", { command: "no-such-agent" }), code("agent_missing"));
  await assert.rejects(startFake(t, "", { wrap: ["no-such-sandbox"] }), code("sandbox_missing"));
  const stored = event<ProcessIdentity>();
  const failing = startFake(t, `setInterval(() => {}, 1e6);`, {
    onStarted(identity) {
      stored.fire(identity);
      throw new Error("journal is full");
    },
  });
  await assert.rejects(failing, /journal is full/);
  assert.ok(!isRunning(await stored.came));
});

test("starts are staggered: the next begins when the one before has said something", async (t) => {
  const gate = createStartGate(1, 60_000, manualClock());
  const first = await startFake(t, `onLine(() => {});`, { startGate: gate, graces: QUICK });
  const second = startFake(t, ONE_TURN, { startGate: gate });
  let secondStarted = false;
  void second.then(() => (secondStarted = true));
  while (gate.waiting === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(secondStarted, false);
  await first.agent.stop("kill");
  await (
    await second
  ).agent.exited;
  assert.equal(secondStarted, true);
});

test("a daemon that died reads on where its journal ends, with facts of the whole process", async (t) => {
  const stored: { texts: string[]; offset: number }[] = [];
  const { agent, folder } = await startFake(
    t,
    `onLine(() => { init(); for (let n = 0; n < 3000; n += 1) text("line " + n); result(); }); onEnd(() => process.exit(0));`,
    {
      onEvents(batch) {
        if (stored.length === 3) throw new Error("killed");
        if (batch.stream !== "stdout") return;
        const texts = batch.events.flatMap((e) => (e.type === "text" ? [e.text] : []));
        stored.push({ texts, offset: batch.offset });
      },
    },
  );
  await assert.rejects(agent.exited, /killed/);
  const written = (await readFile(spoolFiles(join(folder, "spool")).stdout, "utf8"))
    .split("\n")
    .filter((line) => line.includes("line ")).length;
  const facts = await recoverOutput({
    adapter: claude,
    folder: join(folder, "spool"),
    from: { stdout: stored.at(-1)?.offset ?? 0, stderr: 0 },
    onEvents(batch) {
      if (batch.stream !== "stdout") return;
      const texts = batch.events.flatMap((e) => (e.type === "text" ? [e.text] : []));
      stored.push({ texts, offset: batch.offset });
    },
  });
  const texts = stored.flatMap((batch) => batch.texts);
  assert.deepEqual(
    texts,
    Array.from({ length: written }, (_, n) => `line ${n}`),
  );
  assert.match(facts.gateText, /line 0\nline 1\n/);
});
