import assert from "node:assert/strict";
import { test } from "node:test";
import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import {
  ended,
  openWorld,
  runName,
  started,
  valueOf,
  type FakeDaemon,
  type World,
} from "../testing/world.ts";
import { askLeave } from "./ask-leave.ts";
import { authenticateKey } from "./authenticate.ts";
import { acknowledgeCommands } from "./commands.ts";
import { dispatch } from "./dispatch.ts";
import { expireLeases } from "./expire-leases.ts";
import { listTaskOutput } from "./history.ts";
import { renewLeases } from "./renew-leases.ts";
import { showTask } from "./show-task.ts";

async function running(world: World, daemon: FakeDaemon) {
  await world.contract();
  await dispatch(world.deps);
  const spec = (await daemon.specs()).at(-1);
  assert.ok(spec);
  await daemon.report(...started(spec));
  return spec;
}

/** As if that much time had gone by, by the database's clock. */
async function elapse(world: World, secs: number): Promise<void> {
  await sql`update makima.run set lease_expires_at = lease_expires_at - make_interval(secs => ${secs}),
    suspect_at = suspect_at - make_interval(secs => ${secs}) where state <> 'ended'`.execute(world.deps.db);
}

async function stateOf(world: World, runId: string): Promise<string | undefined> {
  const row = await world.deps.db
    .selectFrom("run")
    .select("state")
    .where("id", "=", runId)
    .executeTakeFirst();
  return row?.state;
}

const show = async (world: World, id: string) => valueOf(await showTask(world.deps, world.caller, { id }));

test("a heartbeat renews the leases of the runs it names, and says which are not the daemon's", async () => {
  await using world = await openWorld();
  const daemon = await world.daemon();
  const spec = await running(world, daemon);
  await elapse(world, 20);
  const { runId, epoch } = spec;
  const other = randomUUID();
  const beat = {
    daemonId: daemon.id,
    runs: [
      { runId, epoch },
      { runId: other, epoch: 1 },
    ],
  };
  assert.deepEqual(await renewLeases(world.deps, beat), { renewed: [runId], lost: [other] });
  assert.deepEqual(
    await renewLeases(world.deps, { daemonId: daemon.id, runs: [{ runId, epoch: epoch + 1 }] }),
    {
      renewed: [],
      lost: [runId],
    },
  );
  await elapse(world, 20);
  await expireLeases(world.deps);
  assert.equal(await stateOf(world, runId), "live");
});

test("a lease that ran out makes the run suspect; its daemon comes back and goes on at the same epoch", async () => {
  await using world = await openWorld();
  const daemon = await world.daemon();
  const spec = await running(world, daemon);
  await elapse(world, 31);
  const wait = await expireLeases(world.deps);
  assert.ok(wait !== undefined && wait > 50_000 && wait <= 60_000, `looks again in ${wait} ms`);
  assert.equal(await stateOf(world, spec.runId), "suspect");
  await dispatch(world.deps);
  assert.equal((await daemon.specs()).length, 1, "nothing is placed anew");
  const { welcome } = await daemon.greet({
    commandsReceived: 1,
    runs: [{ ...runName(spec), phase: "iterating" }],
  });
  assert.deepEqual(welcome.runs, [{ runId: spec.runId, verdict: "keep" }]);
  assert.equal(await stateOf(world, spec.runId), "live");
  await daemon.report(ended(spec, { type: "done" }));
  assert.equal((await show(world, spec.taskId)).status, "done");
});

test("after the grace the run is lost: the next attempt is placed at a higher epoch, the old one is told to stop", async () => {
  await using world = await openWorld();
  const daemon = await world.daemon({ slots: 1 });
  const spec = await running(world, daemon);
  await elapse(world, 31);
  await expireLeases(world.deps);
  await elapse(world, 61);
  await expireLeases(world.deps);
  const lost = await show(world, spec.taskId);
  assert.equal(lost.status, "pending");
  assert.equal(lost.attempt, 2);
  assert.equal(lost.leaseEpoch, 2);
  const second = await world.daemon();
  await dispatch(world.deps);
  const { welcome } = await daemon.greet({
    commandsReceived: 1,
    runs: [{ ...runName(spec), phase: "iterating" }],
  });
  assert.deepEqual(welcome.runs, [{ runId: spec.runId, verdict: "stop" }]);
  await daemon.report(ended(spec, { type: "done" }));
  assert.equal((await show(world, spec.taskId)).status, "assigned");
  const placed = [...(await daemon.specs()), ...(await second.specs())];
  assert.deepEqual(
    placed.map(({ epoch, attempt }) => [epoch, attempt]),
    [
      [1, 1],
      [3, 2],
    ],
  );
  const { items } = valueOf(
    await listTaskOutput(world.deps, world.caller, { id: spec.taskId, limit: 100, type: "state" }),
  );
  assert.ok(items.some(({ content }) => content.startsWith("running → interrupted → pending")));
});

test("a task whose attempts are used up fails, and its contract with it", async () => {
  await using world = await openWorld({ limits: { maxAttempts: 1, maxTasks: 10 } });
  const daemon = await world.daemon();
  const spec = await running(world, daemon);
  await daemon.greet({ commandsReceived: 1 });
  const task = await show(world, spec.taskId);
  assert.equal(task.status, "failed");
  assert.equal(task.error?.kind, "crash");
});

test("a run that its daemon does not have any more is lost at once, one whose command is on its way is not", async () => {
  await using world = await openWorld();
  const daemon = await world.daemon({ slots: 2 });
  const spec = await running(world, daemon);
  await world.contract();
  await dispatch(world.deps);
  const second = (await daemon.specs()).at(-1);
  assert.ok(second);
  await daemon.greet({ commandsReceived: 1 });
  assert.equal((await show(world, spec.taskId)).attempt, 2);
  assert.equal((await show(world, second.taskId)).status, "assigned");
  assert.equal(await stateOf(world, second.runId), "live");
});

test("a run that ended while its daemon was away is not lost: its report is waited for", async () => {
  await using world = await openWorld();
  const daemon = await world.daemon();
  const spec = await running(world, daemon);
  const late = await running(world, daemon);
  // Numbers 5 and 6 wait in the daemon's outbox; it has neither run any more.
  await daemon.greet({ commandsReceived: 2, reportsLast: 6 });
  assert.equal((await show(world, spec.taskId)).status, "running");
  await daemon.report({ type: "output", ...runName(late), entries: [] }, ended(spec, { type: "done" }));
  assert.equal((await show(world, spec.taskId)).status, "done");
  assert.equal((await show(world, late.taskId)).attempt, 2, "what no report speaks of is lost then");
});

test("a daemon that lost its journal gets the commands it did not have, numbered from one", async () => {
  await using world = await openWorld();
  const daemon = await world.daemon({ slots: 3 });
  const first = await running(world, daemon);
  await acknowledgeCommands(world.deps, daemon.id, 1);
  await world.contract();
  await dispatch(world.deps);
  const { welcome } = await daemon.greet({ journalId: randomUUID(), commandsReceived: 0 });
  assert.equal(welcome.reportsStored, 0);
  const specs = await daemon.specs();
  assert.equal(specs.length, 1);
  assert.equal(await stateOf(world, first.runId), "ended");
  await dispatch(world.deps);
  assert.equal((await daemon.commands(1)).length, 1, "the lost task's command follows as number two");
});

test("a daemon id that is another owner's is refused", async () => {
  await using world = await openWorld();
  const daemon = await world.daemon();
  await assert.rejects(
    world.daemon({ daemonId: daemon.id }, await world.stranger()),
    /belongs to another owner/,
  );
});

test("leave is given to the live run of the current epoch alone, and its key dies with it", async () => {
  await using world = await openWorld();
  const daemon = await world.daemon();
  const spec = await running(world, daemon);
  const ask = { daemonId: daemon.id, ...runName(spec) };
  const caller = valueOf(await authenticateKey(world.deps, spec.apiKey));
  assert.equal(caller.principal, "task");
  assert.equal(caller.taskId, spec.taskId);
  assert.deepEqual(await askLeave(world.deps, ask), { granted: true, currentEpoch: 1 });
  assert.equal((await askLeave(world.deps, { ...ask, epoch: 2 })).granted, false);
  assert.equal((await askLeave(world.deps, { ...ask, daemonId: randomUUID() })).granted, false);
  assert.equal((await askLeave(world.deps, { ...ask, runId: "nonsense" })).granted, false);
  await elapse(world, 31);
  await expireLeases(world.deps);
  assert.equal((await askLeave(world.deps, ask)).granted, false, "a suspect run must be heard first");
  await elapse(world, 61);
  await expireLeases(world.deps);
  assert.deepEqual(await askLeave(world.deps, ask), { granted: false, currentEpoch: 2 });
  assert.equal((await authenticateKey(world.deps, spec.apiKey)).ok, false);
});

test("a command that was acknowledged keeps no key", async () => {
  await using world = await openWorld();
  const daemon = await world.daemon();
  await running(world, daemon);
  await acknowledgeCommands(world.deps, daemon.id, 1);
  const { rows } = await sql<{ text: string }>`select payload::text as text from makima.command`.execute(
    world.deps.db,
  );
  assert.ok(rows.every(({ text }) => !text.includes("mk_")));
});
