import assert from "node:assert/strict";
import { after, test } from "node:test";
import { sql } from "kysely";
import type { EventView } from "@makima/protocol/api/contracts";
import { makeTask } from "../http/testing/fake-daemon.ts";
import { assertProblem, startTestServer, type TestSocket } from "../http/testing/running-server.ts";
import { authenticateSubject } from "../jobs/authenticate.ts";

const MONITOR = "/contracts/monitor";
// Before the database's own: hooks run in the order in which they are set.
after(() => server[Symbol.asyncDispose]());
const server = await startTestServer({ timing: { ssePingMs: 50, drainMs: 2000 } });

async function head(): Promise<number> {
  const { rows } = await sql<{
    seq: number;
  }>`select event_seq as seq from makima.owner where name = 'local'`.execute(server.server.deps.db);
  return rows[0]?.seq ?? 0;
}

async function eventsUntil(socket: TestSocket, last: number): Promise<EventView[]> {
  const seen: EventView[] = [];
  while ((seen.at(-1)?.seq ?? 0) < last) seen.push((await socket.next<{ event: EventView }>("event")).event);
  return seen;
}

test("nothing comes before a filter; then `ready` says from where on", async () => {
  const socket = await server.open(MONITOR);
  await makeTask(server);
  assert.equal(socket.frames.length, 0);
  socket.send({});
  assert.equal((await socket.next("ready"))["seq"], await head());
  const { contractId } = await makeTask(server);
  const [event] = await eventsUntil(socket, 1);
  assert.equal(event?.contractId, contractId);
  socket.close();
});

test("with `since` every event comes once, in order, while others are being made", async () => {
  const since = await head();
  const making = (async () => {
    for (let made = 0; made < 20; made += 1) await makeTask(server);
  })();
  const sockets: TestSocket[] = [];
  for (let joined = 0; joined < 5; joined += 1) {
    const socket = await server.open(MONITOR);
    socket.send({ since });
    await socket.next("ready");
    sockets.push(socket);
  }
  await making;
  const last = await head();
  for (const socket of sockets) {
    const seen = (await eventsUntil(socket, last)).map(({ seq }) => seq);
    assert.deepEqual(
      seen,
      Array.from({ length: last - since }, (_, at) => since + 1 + at),
    );
    socket.close();
  }
});

test("a filter holds for contracts and statuses, and may be changed at any time", async () => {
  const one = await makeTask(server);
  const other = await makeTask(server, { start: false });
  const socket = await server.open(MONITOR);
  socket.send({ contractIds: [one.contractId] });
  await socket.next("ready");
  await server.call("POST", `/contracts/${other.contractId}/start`);
  await server.call("POST", `/mesh/tasks/${one.taskId}/cancel`);
  const first = (await socket.next<{ event: EventView }>("event")).event;
  assert.equal(first.contractId, one.contractId);
  socket.send({ statuses: ["created"] });
  await socket.next("ready");
  const started = await makeTask(server);
  const created = await makeTask(server, { start: false });
  const body = { plan: "more", agent: "sim" };
  await server.call("POST", `/contracts/${started.contractId}/tasks`, { body });
  await server.call("POST", `/contracts/${created.contractId}/tasks`, { body });
  await server.call("POST", `/contracts/${created.contractId}/start`);
  for (;;) {
    const { event } = await socket.next<{ event: EventView }>("event");
    if (event.contractId === started.contractId) assert.equal(event.type, "StatusChanged");
    if (event.type === "StatusChanged" && event.contractId === created.contractId) break;
  }
  socket.close();
});

test("a filter that is none is told so and changes nothing", async () => {
  const socket = await server.open(MONITOR);
  socket.send({ nonsense: true });
  assert.equal((await socket.next("error"))["code"], "VALIDATION_FAILED");
  socket.send({});
  await socket.next("ready");
  socket.close();
});

test("events that were removed since are a gap", async () => {
  await makeTask(server);
  const last = await head();
  await sql`delete from makima.event where seq <= ${last - 2}`.execute(server.server.deps.db);
  const socket = await server.open(MONITOR);
  socket.send({ since: 0 });
  assert.deepEqual(await socket.next("gap"), { type: "gap", from: 1, to: last - 2 });
  assert.deepEqual(
    (await eventsUntil(socket, last)).map(({ seq }) => seq),
    [last - 1, last],
  );
  socket.close();
});

test("another owner's events are not heard", async () => {
  const stranger = await authenticateSubject(server.server.deps, {
    issuer: "t",
    subject: "s",
    scopes: ["read"],
  });
  assert.ok(stranger.ok);
  const { key } = await server.makeKey({ scopes: ["read"] }, stranger.value);
  const socket = await server.open(MONITOR, { key });
  socket.send({ since: 0 });
  await socket.next("ready");
  const own = await server.open(MONITOR);
  own.send({});
  await own.next("ready");
  await makeTask(server);
  await own.next("event");
  assert.deepEqual(
    socket.frames.map(({ type }) => type),
    ["ready"],
  );
  socket.close();
  own.close();
});

async function readStream(response: Response, enough: (text: string) => boolean): Promise<string> {
  let text = "";
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk).toString();
    if (enough(text)) break;
  }
  return text;
}

test("the same events come as a server-sent stream, from Last-Event-ID on, with pings", async () => {
  const since = await head();
  await makeTask(server);
  const last = await head();
  const response = await server.call("GET", "/events", { headers: { "last-event-id": String(since) } });
  assert.match(response.headers.get("content-type") ?? "", /^text\/event-stream/);
  assert.equal(response.headers.get("x-accel-buffering"), "no");
  const text = await readStream(
    response,
    (read) => read.includes(`id: ${last}\n`) && read.includes(": ping"),
  );
  const ids = [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
  assert.deepEqual(
    ids,
    Array.from({ length: last - since }, (_, at) => since + 1 + at),
  );
});

test("a stream wants a key and a number that is one", async () => {
  await assertProblem(await server.call("GET", "/events", { key: null }), "UNAUTHORIZED");
  await assertProblem(
    await server.call("GET", "/events", { headers: { "last-event-id": "x" } }),
    "VALIDATION_FAILED",
  );
});
