import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import { failingAt } from "../testing/failing.ts";
import { done } from "../outcome.ts";
import { codeOf, ended, openWorld, snapshot, started, valueOf, type World } from "../testing/world.ts";
import { cancelTask } from "./cancel-task.ts";
import { dispatch } from "./dispatch.ts";
import { lastEventSeq, listOwnerEvents } from "./events.ts";
import { listContracts } from "./list-contracts.ts";
import { once } from "./once.ts";
import { startContract } from "./start-contract.ts";
import { transact } from "./transact.ts";
import { addEvent } from "./work.ts";

test("event numbers follow commit order, also when one transaction is slow", async () => {
  await using world = await openWorld();
  const { deps, caller } = world;
  // A slow one takes its number and does not commit; whoever reads meanwhile must not see a later number.
  const gate = Promise.withResolvers<void>();
  const took = Promise.withResolvers<void>();
  const slow = deps.db.transaction().execute(async (tx) => {
    await sql`update makima.owner set event_seq = event_seq + 1 where id = ${caller.ownerId}`.execute(tx);
    took.resolve();
    await gate.promise;
    await sql`insert into makima.event (owner_id, seq, type, data)
      select id, event_seq, 'Slow', '{}' from makima.owner where id = ${caller.ownerId}`.execute(tx);
  });
  await took.promise;
  const fast = transact(deps, async (work) => addEvent(work, caller.ownerId, { type: "Fast", data: {} }));
  assert.equal(await lastEventSeq(deps, caller.ownerId), 0);
  gate.resolve();
  await Promise.all([slow, fast]);
  const events = await listOwnerEvents(deps, caller.ownerId, 0, 10);
  assert.deepEqual(
    events.map(({ seq, type }) => [seq, type]),
    [
      [1, "Slow"],
      [2, "Fast"],
    ],
  );
});

test("a hundred transactions at once leave event numbers without gaps, and each is told", async () => {
  await using world = await openWorld();
  const { deps, caller } = world;
  const told: unknown[] = [];
  deps.signals.on("eventsAdded", (_owner, events) => told.push(...events.map((event) => event.seq)));
  await Promise.all(
    Array.from({ length: 100 }, (_, n) =>
      transact(deps, async (work) => addEvent(work, caller.ownerId, { type: "E", data: { n } })),
    ),
  );
  const events = await listOwnerEvents(deps, caller.ownerId, 0, 1000);
  assert.deepEqual(
    events.map(({ seq }) => seq),
    Array.from({ length: 100 }, (_, n) => n + 1),
  );
  assert.equal(told.length, 100);
});

/** Fails each statement of `act` in turn; whatever failed must have left everything as it was. */
async function failEach(world: World, act: () => Promise<unknown>): Promise<number> {
  const before = await snapshot(world.deps);
  for (let k = 1; ; k += 1) {
    let error: unknown;
    const { statements, failed } = await failingAt(k, () =>
      act().catch((caught: unknown) => (error = caught)),
    );
    if (!failed) {
      assert.ok(!(error instanceof Error), String(error));
      return statements;
    }
    assert.equal(await snapshot(world.deps), before, `statement ${k} failed and something was kept`);
  }
}

test("a change of state and its story are kept together or not at all, whichever statement fails", async () => {
  await using world = await openWorld();
  const { deps, caller } = world;
  const daemon = await world.daemon();
  const { contract, tasks } = await world.contract({ start: false });
  const startCalls = await failEach(world, () => startContract(deps, caller, { id: contract.id }));
  assert.ok(startCalls > 5);
  const placed = await failEach(world, () => dispatch(deps));
  assert.ok(placed > 8);
  const [spec] = await daemon.specs();
  assert.ok(spec);
  await daemon.report(...started(spec));
  const [task] = tasks;
  assert.ok(task);
  assert.ok((await failEach(world, () => cancelTask(deps, caller, { id: task.id }))) > 6);
  const events = await listOwnerEvents(deps, caller.ownerId, 0, 100);
  assert.equal(events.filter(({ type }) => type === "TaskCompleted").length, 1);
});

test("a batch of reports of which a statement fails once is applied by the second try, once", async () => {
  await using world = await openWorld();
  const daemon = await world.daemon();
  await world.contract();
  await dispatch(world.deps);
  const [spec] = await daemon.specs();
  assert.ok(spec);
  const { failed } = await failingAt(3, () => daemon.report(...started(spec), ended(spec, { type: "done" })));
  assert.ok(failed);
  const events = await listOwnerEvents(world.deps, world.caller.ownerId, 0, 100);
  assert.equal(events.filter(({ type }) => type === "TaskCompleted").length, 1);
});

test("a key makes a request happen once: the same again is answered alike, another one is refused", async () => {
  await using world = await openWorld();
  const { deps, caller } = world;
  const { ownerId } = caller;
  const create = (goal: string) =>
    once(deps, { ownerId, key: "k1", route: "createContract", request: { goal } }, async () =>
      done(await world.contract({ goal })),
    );
  const [first, second] = await Promise.all([create("One"), create("One")]);
  const third = await create("One");
  assert.deepEqual(
    [first.replayed, second.replayed].sort((a, b) => Number(a) - Number(b)),
    [false, true],
  );
  assert.ok(third.replayed);
  assert.equal(valueOf(first.outcome).contract.id, valueOf(third.outcome).contract.id);
  assert.equal(valueOf(await listContracts(deps, caller, { limit: 10 })).items.length, 1);
  await assert.rejects(create("Two"), /IDEMPOTENCY_MISMATCH/);
});

test("a request that was refused leaves its key free", async () => {
  await using world = await openWorld();
  const { deps, caller } = world;
  const { contract } = await world.contract();
  const request = { ownerId: caller.ownerId, key: "k2", route: "startContract", request: {} };
  const again = await once(deps, request, () => startContract(deps, caller, { id: contract.id }));
  assert.equal(codeOf(again.outcome), "INVALID_TRANSITION");
  const { rows } = await sql`select from makima.idempotency_key`.execute(deps.db);
  assert.equal(rows.length, 0);
});
