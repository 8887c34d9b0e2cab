import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { mock, test, type TestContext } from "node:test";
import type { DaemonFrame, Report } from "@makima/protocol/daemon-wire";
import { pino } from "pino";
import { commandsReceived } from "../journal/commands.ts";
import { openJournal } from "../journal/open.ts";
import { Outbox } from "../journal/outbox.ts";
import { scratch } from "../process/testing/scratch.ts";
import { LeaveDesk } from "./leave.ts";
import { Link } from "./link.ts";

const restored = (agent: string): Report => ({ type: "authRestored", agent });
const RUN = { runId: "r1", taskId: "t1", epoch: 1 };

async function linked(t: TestContext) {
  const journal = openJournal(join(await scratch(t), "daemon.db"));
  const outbox = new Outbox(journal);
  const leave = new LeaveDesk();
  const frames: DaemonFrame[] = [];
  const told: unknown[][] = [];
  const link = new Link({
    journal,
    outbox,
    leave,
    log: pino({ level: "silent" }),
    hello: () => ({
      wireVersion: 1,
      version: "0",
      capabilities: [],
      daemonId: randomUUID(),
      name: "test",
      hostId: "host",
      hostname: "host",
      labels: [],
      slots: 1,
      agents: [],
      runs: [],
    }),
    liveRuns: () => [{ runId: "r1", epoch: 1 }],
    freeSlots: () => 0,
    answer: (query) =>
      query.type === "diff" ? Promise.resolve({ patch: "x" }) : Promise.reject(new Error("no prompt")),
  });
  for (const name of ["welcome", "commands", "lost", "renewed", "fenced", "refused"] as const) {
    link.on(name, (...facts: unknown[]) => told.push([name, ...facts]));
  }
  t.after(() => {
    link.close();
    journal.close();
  });
  let dropped = 0;
  const open = () =>
    link.opened({
      send: (text) => void frames.push(JSON.parse(text) as DaemonFrame),
      drop: () => (dropped += 1),
    });
  const say = (frame: object) => link.received(JSON.stringify(frame));
  const serverId = "server-1";
  const welcome = (more: object = {}) =>
    say({
      type: "welcome",
      wireVersion: 1,
      version: "0",
      capabilities: [],
      serverId,
      heartbeatSecs: 10,
      leaseSecs: 45,
      graceSecs: 15,
      reportsStored: 0,
      runs: [],
      ...more,
    });
  const sent = <T extends DaemonFrame["type"]>(type: T) =>
    frames.filter((frame): frame is Extract<DaemonFrame, { type: T }> => frame.type === type);
  const names = () => told.map(([name]) => name);
  return {
    journal,
    outbox,
    leave,
    link,
    frames,
    told,
    names,
    sent,
    open,
    say,
    welcome,
    dropped: () => dropped,
  };
}

test("nothing but the hello leaves before the welcome; then the reports do, in order", async (t) => {
  const { outbox, open, welcome, frames, sent } = await linked(t);
  outbox.add([restored("a")]);
  open();
  outbox.add([restored("b")]);
  await turn();
  assert.deepEqual(
    frames.map(({ type }) => type),
    ["hello"],
  );
  welcome();
  assert.deepEqual(sent("reports"), [{ type: "reports", first: 1, items: [restored("a"), restored("b")] }]);
});

test("after a reconnect the reports that the server does not have go again, and no others", async (t) => {
  const { outbox, open, welcome, link, sent, frames } = await linked(t);
  open();
  welcome();
  outbox.add([restored("a"), restored("b"), restored("c")]);
  await turn();
  link.closed();
  frames.length = 0;
  open();
  welcome({ reportsStored: 2 });
  assert.deepEqual(sent("reports"), [{ type: "reports", first: 3, items: [restored("c")] }]);
  assert.equal(outbox.acknowledged, 2);
});

test("few batches are on their way at a time, and an acknowledgement lets the next ones go", async (t) => {
  const { outbox, open, welcome, say, sent } = await linked(t);
  const large = restored("x".repeat(600_000));
  for (let n = 0; n < 10; n += 1) outbox.add([large]);
  open();
  welcome();
  assert.equal(sent("reports").length, 4);
  say({ type: "reportsStored", upTo: 2 });
  assert.equal(sent("reports").length, 6);
  say({ type: "reportsStored", upTo: 2 });
  assert.equal(sent("reports").length, 6);
  say({ type: "reportsStored", upTo: 6 });
  assert.equal(sent("reports").at(-1)?.first, 10);
  say({ type: "reportsStored", upTo: 10 });
  assert.equal(outbox.waiting, 0);
});

test("a command is acknowledged when it is in the journal; one that comes again is not taken again", async (t) => {
  const { journal, open, welcome, say, sent } = await linked(t);
  open();
  welcome();
  const items = [{ type: "startLogin", agent: "sim" }];
  say({ type: "commands", first: 1, items });
  say({ type: "commands", first: 1, items });
  assert.deepEqual(
    sent("commandsStored").map(({ upTo }) => upTo),
    [1, 1],
  );
  assert.equal(commandsReceived(journal), 1);
});

test("commands behind a gap are not stored, and the connection is made anew", async (t) => {
  const { journal, open, welcome, say, sent, dropped } = await linked(t);
  open();
  welcome();
  say({ type: "commands", first: 3, items: [{ type: "startLogin", agent: "sim" }] });
  assert.equal(dropped(), 1);
  assert.equal(sent("commandsStored").length, 0);
  assert.equal(commandsReceived(journal), 0);
});

test("a command of a kind that is not known is kept with the others, so that nothing jams behind it", async (t) => {
  const { journal, open, welcome, say, dropped } = await linked(t);
  open();
  welcome();
  say({
    type: "commands",
    first: 1,
    items: [{ type: "fromTheFuture" }, { type: "startLogin", agent: "sim" }],
  });
  assert.equal(dropped(), 0);
  assert.equal(commandsReceived(journal), 2);
});

test("a frame that is not understood drops the connection and nothing else", async (t) => {
  const { open, welcome, link, say, dropped, names } = await linked(t);
  open();
  welcome();
  link.received("{");
  say({ type: "whatever" });
  assert.equal(dropped(), 2);
  assert.deepEqual(names(), ["welcome"]);
});

test("when the server has more reports than the journal, another journal is begun and what is new goes over", async (t) => {
  const { journal, outbox, open, link, welcome, dropped, sent, names } = await linked(t);
  const { journalId } = journal;
  outbox.add([restored("new")]);
  open();
  welcome({ reportsStored: 7 });
  assert.equal(dropped(), 1);
  assert.deepEqual(names(), []);
  link.closed();
  open();
  assert.notEqual(sent("hello").at(-1)?.journalId, journalId);
  welcome({ reportsStored: 0 });
  assert.deepEqual(sent("reports"), [{ type: "reports", first: 1, items: [restored("new")] }]);
});

test("another server than the journal's own is refused, and nothing that it says is heard", async (t) => {
  const { journal, open, link, welcome, say, names, told, sent } = await linked(t);
  open();
  welcome();
  link.closed();
  open();
  welcome({ serverId: "server-2" });
  say({ type: "commands", first: 1, items: [{ type: "startLogin", agent: "sim" }] });
  assert.deepEqual(names(), ["welcome", "refused"]);
  assert.match(String(told[1]?.[1]), /belongs to another server/);
  assert.equal(commandsReceived(journal), 0);
  assert.equal(sent("commandsStored").length, 0);
});

test("a version or a key that is refused is final; a server that shuts down is tried again", async (t) => {
  for (const [reason, final] of [
    ["daemonTooOld", true],
    ["serverTooOld", true],
    ["unauthorized", true],
    ["shuttingDown", false],
    ["duplicate", false],
  ] as const) {
    const { open, say, names, dropped } = await linked(t);
    open();
    say({ type: "refused", reason, message: "no" });
    assert.deepEqual(names(), final ? ["refused"] : [], reason);
    assert.equal(dropped(), final ? 0 : 1, reason);
  }
  const { link, told } = await linked(t);
  link.denied(401);
  assert.match(String(told[0]?.[1]), /key is not known.*api-keys create/);
});

test("leave that was not answered is asked again on the next connection", async (t) => {
  const { leave, open, link, welcome, say, sent } = await linked(t);
  open();
  welcome();
  const never = new AbortController().signal;
  const asked = leave.ask(RUN, "merge", never);
  const [first] = sent("askLeave");
  link.closed();
  open();
  welcome();
  const again = sent("askLeave").at(-1);
  assert.equal(again?.requestId, first?.requestId);
  assert.deepEqual({ ...again }, { ...first });
  say({ type: "leave", requestId: again?.requestId, granted: true });
  say({ type: "leave", requestId: again?.requestId, granted: false });
  assert.equal(await asked, true);
  const stop = new AbortController();
  const waiting = leave.ask(RUN, "push", stop.signal);
  stop.abort(new Error("stopped"));
  await assert.rejects(waiting, /stopped/);
  assert.equal([...leave.open()].length, 0);
});

test("a query is answered, and one that fails is answered too", async (t) => {
  const { open, welcome, say, sent } = await linked(t);
  open();
  welcome();
  say({ type: "query", requestId: "q1", query: { type: "diff", taskId: "t" } });
  await turn();
  assert.deepEqual(sent("reply")[0]?.result, { ok: true, value: { patch: "x" } });
});

test("the fence falls by the daemon's own clock, counted from its word and not from the answer", async (t) => {
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  t.after(() => mock.timers.reset());
  let now = 0;
  t.mock.method(performance, "now", () => now);
  const pass = (ms: number) => {
    now += ms;
    mock.timers.tick(ms);
  };
  const { open, link, welcome, say, names, told } = await linked(t);
  open();
  welcome();
  pass(25_000);
  assert.deepEqual(names(), ["welcome"]);
  // An answer to the first heartbeat, which had lain around: the fence counts from that heartbeat.
  say({ type: "leases", renewed: ["r1"], lost: [] });
  pass(30_000);
  assert.deepEqual(names(), ["welcome", "fenced"]);
  say({ type: "leases", renewed: ["r1"], lost: ["r2"] });
  assert.deepEqual(told.slice(2), [
    ["lost", ["r2"]],
    ["renewed", ["r1"]],
  ]);
  link.closed();
  pass(60_000);
  assert.equal(names().at(-1), "fenced");
});
