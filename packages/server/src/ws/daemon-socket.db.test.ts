import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { request } from "node:http";
import type { Socket } from "node:net";
import { after, test } from "node:test";
import { sql } from "kysely";
import { MAX_FRAME_BYTES, type Report } from "@makima/protocol/daemon-wire";
import { CONNECT, connectDaemon, helloFrame, makeTask } from "../http/testing/fake-daemon.ts";
import {
  assertProblem,
  refusedUpgrade,
  startTestServer,
  type TestServer,
} from "../http/testing/running-server.ts";
import { authenticateSubject } from "../jobs/authenticate.ts";

// Before the database's own: hooks run in the order in which they are set.
after(() => server[Symbol.asyncDispose]());
const server = await startTestServer({ timing: { helloMs: 200, pingMs: 100, drainMs: 2000 } });

const restored: Report = { type: "authRestored", agent: "claude" };

test("a socket is not opened without a key, with a task's key, or from a foreign page", async () => {
  assert.equal(await refusedUpgrade(server.open(CONNECT, { key: null })), 401);
  assert.equal(await refusedUpgrade(server.open(CONNECT, { key: "mk_wrong" })), 401);
  const { key: reader } = await server.makeKey({ scopes: ["read"] });
  assert.equal(await refusedUpgrade(server.open(CONNECT, { key: reader })), 403);
  assert.equal(await refusedUpgrade(server.open(CONNECT, { origin: "https://evil.example" })), 403);
  assert.equal(await refusedUpgrade(server.open(CONNECT, { headers: { host: "evil.example" } })), 403);
  assert.equal(await refusedUpgrade(server.open("/nothing")), 404);
  assert.equal(await refusedUpgrade(server.open("/contracts")), 404);
});

test("a daemon says hello, gets its commands, reports, and is told what is stored", async () => {
  const daemon = await connectDaemon(server);
  assert.equal(daemon.welcome.reportsStored, 0);
  const { taskId } = await makeTask(server);
  const spec = await daemon.spawn();
  assert.equal(spec.taskId, taskId);
  const run = { runId: spec.runId, taskId, epoch: spec.epoch };
  const upTo = await daemon.report(
    { type: "runPreparing", ...run },
    { type: "runStarted", ...run, worktreePath: "/w", branch: spec.branch, baseCommit: "abc" },
    {
      type: "output",
      ...run,
      entries: [{ at: new Date().toISOString(), messageType: "assistant", content: "hi" }],
    },
  );
  assert.equal(upTo, 3);
  const task = (await (await server.call("GET", `/mesh/tasks/${taskId}`)).json()) as { status: string };
  assert.equal(task.status, "running");
  daemon.socket.send({ type: "heartbeat", runs: [{ runId: spec.runId, epoch: 1 }], freeSlots: 1 });
  assert.deepEqual((await daemon.socket.next("leases"))["renewed"], [spec.runId]);
  daemon.socket.send({ type: "askLeave", requestId: "r1", ...run, action: "push" });
  assert.equal((await daemon.socket.next("leave"))["granted"], true);
  daemon.socket.close();
});

test("a heartbeat with nonsense in it names it lost and spoils no other's", async () => {
  const daemon = await connectDaemon(server);
  const runs = [
    { runId: "no uuid", epoch: 1 },
    { runId: randomUUID(), epoch: 2 ** 40 },
  ];
  daemon.socket.send({ type: "heartbeat", runs, freeSlots: 1 });
  const { lost } = await daemon.socket.next<{ lost: string[] }>("leases");
  assert.deepEqual(lost.sort(), runs.map(({ runId }) => runId).sort());
  daemon.socket.close();
});

test("reports that come twice are applied once, and reports with a hole before them are not", async () => {
  const daemon = await connectDaemon(server);
  await daemon.report(restored, restored);
  daemon.socket.send({ type: "reports", first: 1, items: [restored, restored, restored] });
  assert.equal((await daemon.socket.next("reportsStored"))["upTo"], 3);
  daemon.socket.send({ type: "reports", first: 9, items: [restored] });
  await daemon.socket.closed();
  const again = await connectDaemon(server, {
    daemonId: daemon.hello.daemonId,
    journalId: daemon.hello.journalId,
  });
  assert.equal(again.welcome.reportsStored, 3);
  again.socket.close();
});

test("commands that were not acknowledged come again on the next connection, from the same number", async () => {
  const { daemonId, journalId } = helloFrame();
  const labels = [randomUUID()];
  const first = await connectDaemon(server, { daemonId, journalId, labels });
  const { taskId } = await makeTask(server, { task: { agent: "sim", labels } });
  const sent = await first.socket.next<{ first: number; items: unknown[] }>("commands");
  first.socket.ws.terminate();
  const second = await connectDaemon(server, {
    daemonId,
    journalId,
    labels,
    commandsReceived: sent.first - 1,
  });
  const again = await second.socket.next<{ first: number; items: { spec: { taskId: string } }[] }>(
    "commands",
  );
  assert.equal(again.first, sent.first);
  assert.equal(again.items[0]?.spec.taskId, taskId);
  second.socket.send({ type: "commandsStored", upTo: again.first + 1000 });
  assert.equal((await second.socket.next("refused"))["reason"], "badFrame");
});

test("a newer connection of the same journal takes over; one of another journal is a duplicate", async () => {
  const first = await connectDaemon(server);
  const { daemonId, journalId } = first.hello;
  const twin = await server.open(CONNECT);
  twin.send(helloFrame({ daemonId }));
  assert.equal((await twin.next("refused"))["reason"], "duplicate");
  const second = await connectDaemon(server, { daemonId, journalId });
  assert.equal((await first.socket.next("refused"))["reason"], "duplicate");
  await first.socket.closed();
  await second.report(restored);
  const { rows } = await sql<{ connected: boolean }>`
    select connected from makima.daemon where id = ${daemonId}`.execute(server.server.deps.db);
  assert.equal(rows[0]?.connected, true);
  second.socket.close();
});

test("many connections of one daemon at once leave exactly one", async () => {
  const { daemonId, journalId } = helloFrame();
  const sockets = await Promise.all(Array.from({ length: 8 }, () => server.open(CONNECT)));
  for (const socket of sockets) socket.send(helloFrame({ daemonId, journalId }));
  const ends = sockets.map((socket) => socket.closed().then(() => socket));
  let left = new Set(sockets);
  for (let closed = 0; closed < 7; closed += 1) {
    const ended = await Promise.race([...left].map((socket) => ends[sockets.indexOf(socket)]));
    assert.ok(ended);
    left = new Set([...left].filter((socket) => socket !== ended));
  }
  const [last] = left;
  await last?.next("welcome");
  last?.send({ type: "reports", first: 1, items: [restored] });
  assert.equal((await last?.next("reportsStored"))?.["upTo"], 1);
  last?.close();
});

test("another owner cannot take a daemon's id", async () => {
  const daemon = await connectDaemon(server);
  const found = await authenticateSubject(server.server.deps, {
    issuer: "test",
    subject: "thief",
    scopes: ["read", "write"],
  });
  assert.ok(found.ok);
  const { key } = await server.makeKey({ scopes: ["read", "write"] }, found.value);
  for (const journalId of [daemon.hello.journalId, randomUUID()]) {
    const thief = await server.open(CONNECT, { key });
    thief.send(helloFrame({ daemonId: daemon.hello.daemonId, journalId }));
    assert.equal((await thief.next("refused"))["reason"], "unauthorized");
  }
  await daemon.report(restored);
  daemon.socket.close();
});

test("daemons of other wires are told which end is too old", async () => {
  for (const [wireVersion, reason] of [
    [0, "daemonTooOld"],
    [999, "serverTooOld"],
  ] as const) {
    const socket = await server.open(CONNECT);
    socket.send(helloFrame({ wireVersion }));
    assert.equal((await socket.next("refused"))["reason"], reason);
    await socket.closed();
  }
});

const BAD: [string, (socket: Awaited<ReturnType<TestServer["open"]>>) => void][] = [
  ["no JSON", (socket) => socket.send("{")],
  ["a binary frame", (socket) => socket.ws.send(Buffer.from([1, 2, 3]))],
  ["an unknown type", (socket) => socket.send({ type: "nonsense" })],
  ["a batch without its number", (socket) => socket.send({ type: "reports", items: [restored] })],
  [
    "ten thousand levels",
    (socket) => socket.send(`{"type":"reply","requestId":"x","result":${"[".repeat(10_000)}`),
  ],
  ["a report before the hello", (socket) => socket.send({ type: "reports", first: 1, items: [restored] })],
];
for (const [what, send] of BAD) {
  test(`${what} is refused as a bad frame, and the server goes on`, async () => {
    const socket = await server.open(CONNECT);
    if (what !== "a report before the hello") {
      socket.send(helloFrame());
      await socket.next("welcome");
    }
    send(socket);
    assert.equal((await socket.next("refused"))["reason"], "badFrame");
    await socket.closed();
    assert.equal((await server.call("GET", "//healthz", { key: null })).status, 200);
  });
}

test("a report that is not understood is put aside and holds up none behind it", async () => {
  const daemon = await connectDaemon(server);
  const items = [
    restored,
    { type: "output", runId: randomUUID() },
    { type: "fromTheFuture" },
    null,
    restored,
  ];
  daemon.socket.send({ type: "reports", first: 1, items });
  assert.equal((await daemon.socket.next("reportsStored"))["upTo"], 5);
  const { rows } = await sql<{ seq: number }>`
    select seq from makima.dead_report where daemon_id = ${daemon.hello.daemonId} order by seq`.execute(
    server.server.deps.db,
  );
  assert.deepEqual(
    rows.map(({ seq }) => seq),
    [2, 3, 4],
  );
  daemon.socket.close();
});

test("a connection that never says hello is ended", async () => {
  const socket = await server.open(CONNECT);
  assert.equal((await socket.next("refused"))["reason"], "badFrame");
  await socket.closed();
});

test("a frame may come in fragments; one that is too large ends the connection", async () => {
  const socket = await server.open(CONNECT);
  const text = JSON.stringify(helloFrame());
  for (let at = 0; at < text.length; at += 7) {
    socket.ws.send(text.slice(at, at + 7), { fin: at + 7 >= text.length });
  }
  await socket.next("welcome");
  socket.ws.send("x".repeat(MAX_FRAME_BYTES + 1));
  assert.equal((await socket.closed()).code, 1009);
});

test("bytes that are no frames end the connection and nothing else", async () => {
  const { port } = server.server;
  const upgrade = request({
    port,
    path: `/api/v1${CONNECT}`,
    headers: {
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": Buffer.alloc(16).toString("base64"),
      authorization: `Bearer ${server.key}`,
    },
  }).end();
  const [, socket] = (await once(upgrade, "upgrade")) as [unknown, Socket];
  socket.on("error", () => undefined);
  socket.write(Buffer.from([0xff, 0xff, 0xff, 0xff, 0x00, 0x01]));
  socket.resume();
  await once(socket, "close");
  assert.equal((await server.call("GET", "//healthz", { key: null })).status, 200);
});

test("a revoked key closes its sockets at once", async () => {
  const made = await server.makeKey({ kind: "daemon", scopes: ["read", "write"] });
  const daemon = await connectDaemon(server, {}, { key: made.key });
  const closed = daemon.socket.closed();
  assert.equal((await server.call("DELETE", `/api-keys/${made.id}`)).status, 204);
  assert.equal((await closed).code, 1008);
});

test("a connection that answers no ping is ended, and its daemon is no longer connected", async () => {
  const daemon = await connectDaemon(server);
  daemon.socket.ws.pause();
  const lost = Promise.withResolvers<void>();
  server.server.deps.signals.on("eventsAdded", (_owner, events) => {
    if (
      events.some(({ type, data }) => type === "DaemonLost" && data["daemonId"] === daemon.hello.daemonId)
    ) {
      lost.resolve();
    }
  });
  await lost.promise;
  const found = await server.call("GET", `/mesh/daemons/${daemon.hello.daemonId}`);
  assert.equal(((await found.json()) as { connected: boolean }).connected, false);
  daemon.socket.ws.terminate();
});

test("a diff is asked of the daemon; without it, or when it cannot tell, the person is told so", async () => {
  const labels = [randomUUID()];
  const daemon = await connectDaemon(
    server,
    { labels },
    {
      answer: (query) =>
        query.type === "diff" && query.from === "bad"
          ? { ok: false, code: "CHECKPOINT_NOT_FOUND", message: "There is no checkpoint bad." }
          : query.type === "diff" && query.from === "garbage"
            ? { ok: true, value: { nothing: true } }
            : { ok: true, value: { from: "a", to: "b", patch: "diff", truncated: false } },
    },
  );
  const { taskId } = await makeTask(server, { task: { agent: "sim", labels } });
  await daemon.spawn();
  const diff = (query = "") => server.call("GET", `/mesh/tasks/${taskId}/diff${query}`);
  assert.deepEqual(await (await diff()).json(), { from: "a", to: "b", patch: "diff", truncated: false });
  await assertProblem(await diff("?from=bad"), "CHECKPOINT_NOT_FOUND");
  await assertProblem(await diff("?from=garbage"), "NO_DAEMON");
  daemon.socket.close();
  await daemon.socket.closed();
  await assertProblem(await diff(), "NO_DAEMON");
});
