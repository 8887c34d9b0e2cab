import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { processesOf, World } from "../testing/world.ts";

const TWO = { concurrency: 2 };
const LINES = 200;

function lines(world: World): number[] {
  return world.server
    .entries()
    .filter((one) => one.messageType === "assistant")
    .flatMap(({ content }) => /^line (\d+)/.exec(content)?.[1] ?? [])
    .map(Number);
}

const EACH = Array.from({ length: LINES }, (_, at) => at + 1);
const SAYS = [
  [
    { lines: { count: LINES, rate: 200 } },
    { write: { path: "b.txt", content: "b\n" } },
    { gate: { ready: true } },
  ],
];
const HANGS = [[{ write: { path: "b.txt", content: "b\n" } }, { say: "I hang now." }, { hang: true }]];
const WAITS = [
  [
    { write: { path: "b.txt", content: "b\n" } },
    { say: "I wait now." },
    { lines: { count: 400, rate: 100 } },
    { gate: { ready: true } },
  ],
];

describe("a connection that breaks", TWO, () => {
  test("in every phase costs nothing: each report arrives once", async (t) => {
    const world = await World.start(t);
    const spec = world.spawn({ agentScript: world.script(SAYS), agentSpeed: 1 });
    await world.server.report("runPreparing");
    world.server.drop();
    await world.server.report("iterationStarted");
    world.server.drop();
    await world.server.entry(/^line 50$/);
    world.server.drop();
    await world.server.report("checkpointTaken");
    world.server.drop();
    const end = await world.server.ended(spec.runId);
    assert.deepEqual(end.outcome, { type: "done" });
    assert.deepEqual(lines(world), EACH);
    assert.ok(world.server.hellos.length >= 5);
    assert.equal(new Set(world.server.hellos.map(({ journalId }) => journalId)).size, 1);
  });

  test("a server that restarts with what it had stored, in the middle of output", async (t) => {
    const world = await World.start(t, { server: { repeatCommands: true } });
    const spec = world.spawn({ agentScript: world.script(SAYS), agentSpeed: 1 });
    await world.server.entry(/^line 20$/);
    world.server.manners.withholdAcks = true;
    await world.server.entry(/^line 60$/);
    await world.server.stop();
    world.server.manners.withholdAcks = false;
    await world.server.listen();
    const end = await world.server.ended(spec.runId);
    assert.deepEqual(end.outcome, { type: "done" });
    assert.deepEqual(lines(world), EACH);
    assert.equal(world.server.of("runStarted").length, 1, "the command was carried out once");
  });

  test("a run that ended meanwhile is named until its end is stored", async (t) => {
    const world = await World.start(t);
    const { manners } = world.server;
    manners.leave = () => {
      // What comes of it is not read before the connection is another.
      setImmediate(() => (manners.silent = true));
      return "grant";
    };
    const spec = world.spawn();
    const looking = setInterval(() => world.server.look(), 10);
    t.after(() => clearInterval(looking));
    await world.server.until("it is over", () => manners.silent && world.daemon?.running() === 0);
    manners.silent = false;
    world.server.drop();
    assert.deepEqual((await world.server.ended(spec.runId)).outcome, { type: "done" });
    assert.equal(world.server.hellos.at(-1)?.runs[0]?.phase, "ended");
  });

  test("another server is refused for good; a key that is refused too", async (t) => {
    const world = await World.start(t);
    world.server.serverId = "another";
    world.server.drop();
    const error = await world.daemon?.refused;
    assert.equal(error?.code, "other_server");
    const locked = await World.make(t, { server: { status: 401 } });
    const { startDaemon } = await import("../main.ts");
    locked.daemon = await startDaemon(locked.options);
    assert.equal((await locked.daemon.refused).code, "refused");
  });
});

describe("the fence", TWO, () => {
  test("stops agents when the server is silent, and they go on in the same session when it is back", async (t) => {
    const world = await World.start(t, { server: { leaseSecs: 0.5, graceSecs: 0.5, heartbeatSecs: 0.1 } });
    const spec = world.spawn({ agentScript: world.script(WAITS), agentSpeed: 1 });
    await world.server.entry("I wait now.");
    world.server.manners.leases = "silent";
    await world.server.entry("The server was out of reach for too long");
    assert.deepEqual(processesOf(spec.runId), []);
    world.server.manners.leases = "renew";
    const end = await world.server.ended(spec.runId);
    assert.deepEqual(end.outcome, { type: "done" });
    assert.equal(world.sessions().length, 1);
  });

  test("a daemon that is told to stop while it is fenced does", async (t) => {
    const world = await World.start(t, { server: { leaseSecs: 0.3, graceSecs: 0.3, heartbeatSecs: 0.1 } });
    const spec = world.spawn({ agentScript: world.script(HANGS) });
    await world.server.entry("I hang now.");
    world.server.manners.leases = "silent";
    await world.server.entry("The server was out of reach for too long");
    await world.down();
    assert.deepEqual(processesOf(spec.runId), []);
    world.server.manners.leases = "renew";
    await world.up();
    world.stop(spec, "pause");
    assert.deepEqual((await world.server.ended(spec.runId)).outcome.type, "parked");
  });
});

describe("a daemon that is closed", TWO, () => {
  test("stops its agent gently, keeps the work and the run, and the next start goes on in the same session", async (t) => {
    const world = await World.start(t);
    const script = world.script([
      [
        { write: { path: "b.txt", content: "b\n" } },
        { say: "I hang now." },
        // Not for ever: an agent that is stopped just before it hangs would do so again when it is resumed.
        { hang: 12 },
        { write: { path: "c.txt", content: "c\n" } },
        { gate: { ready: true } },
      ],
    ]);
    const spec = world.spawn({ agentScript: script });
    await world.server.entry("I hang now.");
    await world.down();
    assert.deepEqual(processesOf(spec.runId), []);
    assert.equal(world.server.of("runEnded").length, 0);
    const checkpoint = world.server.of("checkpointTaken").at(-1);
    assert.equal(checkpoint?.message, "when the daemon stopped");
    assert.equal(world.show(checkpoint?.commit ?? "", "b.txt"), "b");
    await world.up();
    const end = await world.server.ended(spec.runId);
    assert.deepEqual(end.outcome, { type: "done" });
    assert.deepEqual(end.result?.changedFiles, ["b.txt", "c.txt"]);
    assert.equal(world.sessions().length, 1);
    assert.equal(world.server.of("iterationEnded").length, 1);
  });

  test("while it waits for leave, and the next start completes the run without another turn", async (t) => {
    const world = await World.start(t, { server: { leave: "hold" } });
    const spec = world.spawn({ completionAction: "merge" });
    await world.server.until("leave is asked", () => world.server.leaves.length > 0);
    await world.down();
    world.server.manners.leave = "grant";
    await world.up();
    const end = await world.server.ended(spec.runId);
    assert.equal(end.result?.ok, true, end.result?.error);
    assert.equal(world.server.of("iterationStarted").length, 1);
  });
});
