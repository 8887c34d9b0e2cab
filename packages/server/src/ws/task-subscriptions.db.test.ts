import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { HistoryEntry } from "@makima/protocol/history";
import { connectDaemon, makeTask } from "../http/testing/fake-daemon.ts";
import { refusedUpgrade, startTestServer, type TestSocket } from "../http/testing/running-server.ts";

const SUBSCRIBE = "/mesh/tasks/subscribe";
// Before the database's own: hooks run in the order in which they are set.
after(() => server[Symbol.asyncDispose]());
const server = await startTestServer();
const daemon = await connectDaemon(server);

async function runningTask() {
  const { taskId, contractId } = await makeTask(server);
  const spec = await daemon.spawn();
  assert.equal(spec.taskId, taskId);
  const run = { runId: spec.runId, taskId, epoch: spec.epoch };
  await daemon.report(
    { type: "runPreparing", ...run },
    { type: "runStarted", ...run, worktreePath: "/w", branch: spec.branch, baseCommit: "abc" },
  );
  const say = (...lines: string[]) =>
    daemon.report({
      type: "output",
      ...run,
      entries: lines.map((content) => ({ at: new Date().toISOString(), messageType: "assistant", content })),
    });
  return { taskId, contractId, apiKey: spec.apiKey, run, say };
}

async function lastSeq(taskId: string): Promise<number> {
  return ((await (await server.call("GET", `/mesh/tasks/${taskId}`)).json()) as { lastSeq: number }).lastSeq;
}

/** Numbers that came, until `last` did. */
async function numbersUntil(socket: TestSocket, last: number): Promise<number[]> {
  const seen: number[] = [];
  while ((seen.at(-1) ?? 0) < last) {
    const { items } = await socket.next<{ items: HistoryEntry[] }>("entries");
    seen.push(...items.map(({ seq }) => seq));
  }
  return seen;
}

const upTo = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => from + at);

test("a watcher gets the task, what is stored above its number, and what follows", async () => {
  const task = await runningTask();
  await task.say("one", "two");
  const stored = await lastSeq(task.taskId);
  const socket = await server.open(SUBSCRIBE);
  socket.send({ type: "subscribe", taskId: task.taskId, after: 1 });
  const first = await socket.next<{ task: { id: string } }>("task");
  assert.equal(first.task.id, task.taskId);
  assert.deepEqual(await numbersUntil(socket, stored), upTo(2, stored));
  await task.say("three");
  assert.deepEqual(await numbersUntil(socket, stored + 1), [stored + 1]);
  socket.close();
});

test("watchers that join at any moment of a stream of appends see each number once", async () => {
  const task = await runningTask();
  const sockets: TestSocket[] = [];
  const speaking = (async () => {
    for (let line = 0; line < 150; line += 1) await task.say(`${line}a`, `${line}b`);
  })();
  for (let joined = 0; joined < 12; joined += 1) {
    const socket = await server.open(SUBSCRIBE);
    socket.send({ type: "subscribe", taskId: task.taskId, after: joined });
    sockets.push(socket);
    await socket.next("task");
  }
  await speaking;
  const last = await lastSeq(task.taskId);
  for (const [after, socket] of sockets.entries()) {
    assert.deepEqual(await numbersUntil(socket, last), upTo(after + 1, last));
    assert.equal(socket.frames.filter(({ type }) => type === "gap").length, 0);
    socket.close();
  }
});

test("lines are gathered into frames, not sent one by one", async () => {
  const task = await runningTask();
  const socket = await server.open(SUBSCRIBE);
  const before = await lastSeq(task.taskId);
  socket.send({ type: "subscribe", taskId: task.taskId, after: before });
  await socket.next("task");
  await task.say(...Array.from({ length: 500 }, (_, at) => String(at)));
  assert.deepEqual(await numbersUntil(socket, before + 500), upTo(before + 1, before + 500));
  assert.ok(socket.frames.filter(({ type }) => type === "entries").length <= 10);
  socket.close();
});

test("a change of the task is told to its watchers", async () => {
  const task = await runningTask();
  const socket = await server.open(SUBSCRIBE);
  socket.send({ type: "subscribe", taskId: task.taskId, after: 0 });
  await socket.next("task");
  assert.equal((await server.call("POST", `/mesh/tasks/${task.taskId}/cancel`)).status, 200);
  for (;;) {
    const frame = await socket.next<{ task: { status: string } }>("task");
    if (frame.task.status === "cancelled") break;
  }
  socket.close();
});

test("one that does not read gets a gap when it reads again, and others are not held up", async () => {
  const task = await runningTask();
  const before = await lastSeq(task.taskId);
  const slow = await server.open(SUBSCRIBE);
  const quick = await server.open(SUBSCRIBE);
  for (const socket of [slow, quick]) {
    socket.send({ type: "subscribe", taskId: task.taskId, after: before });
    await socket.next("task");
  }
  slow.ws.pause();
  const LINES = 8000;
  const text = "x".repeat(4000);
  for (let sent = 0; sent < LINES; sent += 250) await task.say(...Array<string>(250).fill(text));
  const last = before + LINES;
  assert.deepEqual(await numbersUntil(quick, last), upTo(before + 1, last));
  assert.equal(quick.frames.filter(({ type }) => type === "gap").length, 0);
  const { rss } = process.memoryUsage();
  assert.ok(rss < 1024 * 1024 * 1024, `${rss} bytes in use`);
  slow.ws.resume();
  const seen = new Set<number>();
  const { from, to } = await slow.next<{ from: number; to: number }>("gap");
  while (!seen.has(last)) {
    const { items } = await slow.next<{ items: HistoryEntry[] }>("entries");
    for (const { seq } of items) {
      assert.ok(!seen.has(seq), `${seq} came twice`);
      seen.add(seq);
    }
  }
  for (const seq of upTo(before + 1, last)) assert.equal(seen.has(seq), seq < from || seq > to, String(seq));
  slow.close();
  quick.close();
});

test("nothing comes after an unsubscribe, and errors name the task", async () => {
  const task = await runningTask();
  const other = await runningTask();
  const socket = await server.open(SUBSCRIBE);
  socket.send({ type: "subscribe", taskId: "t-none" });
  assert.deepEqual((await socket.next("error"))["code"], "TASK_NOT_FOUND");
  socket.send("{");
  assert.deepEqual((await socket.next("error"))["code"], "VALIDATION_FAILED");
  socket.send({ type: "subscribe", taskId: task.taskId });
  socket.send({ type: "unsubscribe", taskId: task.taskId });
  socket.send({ type: "subscribe", taskId: other.taskId });
  const told = () => socket.next<{ task: { id: string } }>("task");
  while ((await told()).task.id !== other.taskId);
  const before = socket.frames.length;
  await task.say("unheard");
  await other.say("heard");
  await numbersUntil(socket, await lastSeq(other.taskId));
  for (const frame of socket.frames.slice(before)) assert.notEqual(frame["taskId"], task.taskId);
  socket.close();
});

test("a task's key watches its own contract and no other", async () => {
  const task = await runningTask();
  const other = await runningTask();
  const socket = await server.open(SUBSCRIBE, { key: task.apiKey });
  socket.send({ type: "subscribe", taskId: task.taskId });
  await socket.next("task");
  socket.send({ type: "subscribe", taskId: other.taskId });
  assert.equal((await socket.next("error"))["code"], "TASK_NOT_FOUND");
  const closed = socket.closed();
  await server.call("POST", `/mesh/tasks/${task.taskId}/cancel`);
  assert.equal((await closed).code, 1008);
  assert.equal(await refusedUpgrade(server.open("/contracts/monitor", { key: other.apiKey })), 403);
});

test("a frame that is too large for a watcher ends its connection", async () => {
  const socket = await server.open(SUBSCRIBE);
  socket.ws.send("x".repeat(70 * 1024));
  assert.equal((await socket.closed()).code, 1009);
});
