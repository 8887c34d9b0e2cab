import assert from "node:assert/strict";
import { test } from "node:test";
import { WebSocketServer, type WebSocket } from "ws";
import type { TaskView } from "@makima/protocol/api/task-schema";
import type { SubscribeFrame, TaskFrame } from "@makima/protocol/watch-wire";
import { followTask, type Followed } from "./follow-task.ts";
import { createClient } from "./rest.ts";
import { sendJson, serve, type TestServer } from "./testing/http-server.ts";
import { historyEntry, taskView } from "./testing/task.ts";

interface Watched extends AsyncDisposable {
  rest: TestServer;
  /** What the server holds now. */
  task: TaskView;
}

/** A server with one task; `onSubscribe` is called for each subscription, counted from 1. */
async function watched(
  task: TaskView,
  onSubscribe: (say: (frame: TaskFrame) => void, after: number, n: number, peer: WebSocket) => void,
): Promise<Watched> {
  const rest = await serve((asked, response) => {
    const url = new URL(asked.path, "http://h");
    if (!url.pathname.endsWith("/output")) return sendJson(response, 200, state.task);
    const after = Number(url.searchParams.get("after"));
    const items = numbers(after + 1, Math.min(state.task.lastSeq, after + 2)).map(historyEntry);
    return sendJson(response, 200, { items, lastSeq: state.task.lastSeq });
  });
  const sockets = new WebSocketServer({ server: rest.server });
  let n = 0;
  sockets.on("connection", (peer) => {
    peer.on("message", (data: Buffer) => {
      const frame = JSON.parse(data.toString()) as SubscribeFrame;
      if (frame.type !== "subscribe") return;
      n += 1;
      onSubscribe((said) => peer.send(JSON.stringify(said)), frame.after, n, peer);
    });
  });
  const state: Watched = {
    rest,
    task,
    async [Symbol.asyncDispose]() {
      for (const peer of sockets.clients) peer.terminate();
      await rest[Symbol.asyncDispose]();
    },
  };
  return state;
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, at) => from + at);
}

function entries(from: number, to: number): TaskFrame {
  return { type: "entries", taskId: taskView().id, items: numbers(from, to).map(historyEntry) };
}

async function follow(server: Watched, after = 0): Promise<{ seqs: number[]; last: Followed | undefined }> {
  const client = createClient({ url: server.rest.url, key: "k" });
  const seqs: number[] = [];
  let last: Followed | undefined;
  for await (const item of followTask(client, { taskId: "t-0001", after, backoff: { minMs: 1, maxMs: 2 } })) {
    last = item;
    if (item.type === "entries") seqs.push(...item.items.map((entry) => entry.seq));
  }
  return { seqs, last };
}

const DONE = { status: "done", lastSeq: 6 } as const;

test("the history comes once and in order, then the record that ends it", async () => {
  await using server = await watched(taskView({ lastSeq: 2 }), (say) => {
    say(entries(1, 4));
    say(entries(3, 6));
    say({ type: "task", task: taskView(DONE) });
  });
  const { seqs, last } = await follow(server);
  assert.deepEqual(seqs, [1, 2, 3, 4, 5, 6]);
  assert.ok(last?.type === "task" && last.task.status === "done");
});

test("a connection that breaks is taken up where it was", async () => {
  await using server = await watched(taskView({ lastSeq: 6 }), (say, after, n, peer) => {
    assert.equal(after, n === 1 ? 0 : 3);
    if (n === 1) {
      say(entries(1, 3));
      return peer.close();
    }
    say(entries(4, 6));
    return say({ type: "task", task: taskView(DONE) });
  });
  assert.deepEqual((await follow(server)).seqs, [1, 2, 3, 4, 5, 6]);
});

test("what the server leaves out, said or not, is fetched over REST", async () => {
  await using server = await watched(taskView({ lastSeq: 6 }), (say) => {
    say({ type: "gap", taskId: taskView().id, from: 1, to: 3 });
    say(entries(5, 5));
    say({ type: "task", task: taskView(DONE) });
  });
  assert.deepEqual((await follow(server)).seqs, [1, 2, 3, 4, 5, 6]);
});

test("following begins after the number that was asked for", async () => {
  await using server = await watched(taskView({ lastSeq: 6 }), (say, after) => {
    assert.equal(after, 4);
    say(entries(5, 6));
    say({ type: "task", task: taskView({ ...DONE, status: "blocked" }) });
  });
  const { seqs, last } = await follow(server, 4);
  assert.deepEqual(seqs, [5, 6]);
  assert.ok(last?.type === "task" && last.task.status === "blocked");
});

test("the signal ends following with its reason", async () => {
  await using server = await watched(taskView(), () => over.abort(new Error("enough")));
  const over = new AbortController();
  const client = createClient({ url: server.rest.url });
  const items = followTask(client, { taskId: "t-0001", signal: over.signal });
  await assert.rejects(async () => {
    for await (const item of items) assert.notEqual(item.type, "entries");
  }, /enough/);
});

test("an error that the server says ends it", async () => {
  await using server = await watched(taskView(), (say) => {
    say({ type: "error", code: "TASK_NOT_FOUND", message: "There is no such task." });
  });
  await assert.rejects(follow(server), /There is no such task/);
});
