import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import { createTask as createTaskRoute } from "@makima/protocol/api/tasks";
import { codeOf, ended, openWorld, started, valueOf, type World } from "../testing/world.ts";
import { cancelTask } from "./cancel-task.ts";
import { createTask } from "./create-task.ts";
import { drainDaemon } from "./daemons.ts";
import { dispatch } from "./dispatch.ts";
import { explainWaiting } from "./explain-waiting.ts";
import { retryTask } from "./retry-task.ts";
import { showTask } from "./show-task.ts";
import { startJobs } from "./start-jobs.ts";

async function addTask(world: World, contractId: string, overrides: Record<string, unknown> = {}) {
  const body = createTaskRoute.body?.parse({ plan: "Do it", agent: "sim", ...overrides });
  assert.ok(body);
  return createTask(world.deps, world.caller, { id: contractId, ...body });
}

async function liveRuns(world: World): Promise<{ task_id: string; n: number }[]> {
  const { rows } = await sql<{ task_id: string; n: number }>`
    select task_id, count(*)::int as n from makima.run group by task_id`.execute(world.deps.db);
  return rows;
}

test("several dispatchers at once place each task once and never fill a slot twice", async () => {
  await using world = await openWorld();
  const daemons = [await world.daemon({ slots: 3 }), await world.daemon({ slots: 3 })];
  for (let n = 0; n < 10; n += 1) await world.contract();
  await Promise.all(Array.from({ length: 6 }, () => dispatch(world.deps)));
  const runs = await liveRuns(world);
  assert.equal(runs.length, 6);
  assert.ok(runs.every(({ n }) => n === 1));
  for (const daemon of daemons) assert.equal((await daemon.specs()).length, 3);
  // Slots that get free are filled again, by whoever looks.
  for (const daemon of daemons) {
    for (const spec of await daemon.specs())
      await daemon.report(...started(spec), ended(spec, { type: "done" }));
  }
  await Promise.all([dispatch(world.deps), dispatch(world.deps)]);
  assert.equal((await liveRuns(world)).length, 10);
});

test("a contract with many tasks does not keep another one waiting", async () => {
  await using world = await openWorld();
  const big = await world.contract();
  for (let n = 0; n < 20; n += 1) valueOf(await addTask(world, big.contract.id));
  const small = await world.contract();
  const daemon = await world.daemon({ slots: 1 });
  const order: (string | undefined)[] = [];
  for (let n = 0; n < 6; n += 1) {
    await dispatch(world.deps);
    const spec = (await daemon.specs()).at(-1);
    assert.ok(spec);
    order.push(spec.contractId);
    await daemon.report(...started(spec), ended(spec, { type: "done" }));
  }
  assert.ok(
    order.slice(0, 3).includes(small.contract.id),
    `the small one came at ${order.indexOf(small.contract.id)}`,
  );
});

test("priority goes before age", async () => {
  await using world = await openWorld();
  await world.contract();
  const urgent = await world.contract({ task: { agent: "sim", priority: 10 } });
  const daemon = await world.daemon({ slots: 1 });
  await dispatch(world.deps);
  assert.equal((await daemon.specs())[0]?.contractId, urgent.contract.id);
});

test("a task that fits no daemon says what it needs and lets those behind it pass", async () => {
  await using world = await openWorld();
  const { deps, caller } = world;
  const picky = await world.contract({ task: { agent: "sim", labels: ["gpu"] } });
  for (let n = 0; n < 40; n += 1)
    await world.contract({ task: { agent: "sim", labels: ["gpu"], priority: 5 } });
  const easy = await world.contract();
  const [task] = picky.tasks;
  assert.ok(task);
  await explainWaiting(deps);
  const alone = valueOf(await showTask(deps, caller, { id: task.id }));
  assert.match(alone.waitingOn ?? "", /no daemon is connected/);
  const daemon = await world.daemon({ slots: 2, name: "laptop" });
  await dispatch(deps);
  assert.deepEqual(
    (await daemon.specs()).map(({ contractId }) => contractId),
    [easy.contract.id],
  );
  const waiting = valueOf(await showTask(deps, caller, { id: task.id }));
  assert.match(waiting.waitingOn ?? "", /labels? gpu; connected: laptop lacks label gpu/);
  const { version } = waiting;
  await dispatch(deps);
  assert.equal(
    valueOf(await showTask(deps, caller, { id: task.id })).version,
    version,
    "said again only when it changed",
  );
});

test("a local repository's task goes to the host that has it, and a draining daemon gets nothing", async () => {
  await using world = await openWorld();
  const away = await world.daemon({ hostId: "other" });
  const here = await world.daemon({ hostId: "mine" });
  const repositories = [{ kind: "local", path: "/src/app", hostId: "mine" }];
  await world.contract({ repositories });
  valueOf(await drainDaemon(world.deps, world.caller, { id: here.id, draining: true }));
  await dispatch(world.deps);
  assert.equal((await here.specs()).length, 0);
  valueOf(await drainDaemon(world.deps, world.caller, { id: here.id, draining: false }));
  await dispatch(world.deps);
  assert.equal((await here.specs()).length, 1);
  assert.equal((await away.specs()).length, 0);
});

test("another owner's daemon gets nothing", async () => {
  await using world = await openWorld();
  const stranger = await world.daemon({}, await world.stranger());
  await world.contract();
  await dispatch(world.deps);
  assert.equal((await stranger.specs()).length, 0);
});

test("a task waits for what it depends on, runs once that is done, and fails when that will not be", async () => {
  await using world = await openWorld();
  const { deps, caller } = world;
  const daemon = await world.daemon({ slots: 10 });
  const { contract, tasks } = await world.contract();
  const [first] = tasks;
  assert.ok(first);
  const second = valueOf(await addTask(world, contract.id, { dependsOn: [first.shortId] }));
  const third = valueOf(await addTask(world, contract.id, { dependsOn: [second.id] }));
  assert.equal(second.waitingOn, `tasks ${first.shortId}`);
  await dispatch(deps);
  const [spec] = await daemon.specs();
  assert.ok(spec);
  assert.equal((await daemon.specs()).length, 1);
  await daemon.report(...started(spec), ended(spec, { type: "done" }));
  await dispatch(deps);
  assert.deepEqual(
    (await daemon.specs()).map(({ taskId }) => taskId),
    [first.id, second.id],
  );
  valueOf(await cancelTask(deps, caller, { id: second.id }));
  const failed = valueOf(await showTask(deps, caller, { id: third.id }));
  assert.equal(failed.status, "failed");
  assert.match(failed.error?.message ?? "", /which was cancelled/);
  // Retried too early it says so again; after its dependency it waits.
  assert.equal(valueOf(await retryTask(deps, caller, { id: third.id })).status, "failed");
  valueOf(await retryTask(deps, caller, { id: second.id }));
  const again = valueOf(await retryTask(deps, caller, { id: third.id }));
  assert.equal(again.status, "pending");
  assert.equal(again.waitingOn, `tasks ${second.shortId}`);
});

test("a dependency that is not the contract's, and one task too many, are refused", async () => {
  await using world = await openWorld({ limits: { maxAttempts: 3, maxTasks: 3 } });
  const { contract } = await world.contract();
  assert.equal(codeOf(await addTask(world, contract.id, { dependsOn: ["t-none"] })), "VALIDATION_FAILED");
  const added = await Promise.all(Array.from({ length: 6 }, () => addTask(world, contract.id)));
  assert.equal(added.filter((outcome) => outcome.ok).length, 2);
});

test("a task is placed as soon as it is accepted, without anybody polling", async () => {
  await using world = await openWorld();
  const jobs = await startJobs(world.deps);
  try {
    const daemon = await world.daemon();
    const told = new Promise((resolve) => world.deps.signals.once("commandsAdded", resolve));
    await world.contract();
    assert.equal(await told, daemon.id);
    assert.equal((await daemon.specs()).length, 1);
  } finally {
    await jobs.close();
  }
});

test("the slot that a run leaves is filled in the transaction that stores its end, and no more than that", async () => {
  await using world = await openWorld();
  const daemon = await world.daemon({ slots: 1 });
  for (let n = 0; n < 3; n += 1) await world.contract();
  await dispatch(world.deps);
  const [first] = await daemon.specs();
  assert.ok(first);
  await daemon.report(...started(first), ended(first, { type: "done" }));
  const specs = await daemon.specs();
  assert.equal(specs.length, 2);
  assert.notEqual(specs[1]?.taskId, first.taskId);
});
