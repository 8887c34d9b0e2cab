import assert from "node:assert/strict";
import { test } from "node:test";
import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import type { Report } from "@makima/protocol/daemon-wire";
import {
  ended,
  openWorld,
  runName,
  started,
  valueOf,
  type FakeDaemon,
  type World,
} from "../testing/world.ts";
import { applyReports } from "./apply-reports.ts";
import { cancelTask } from "./cancel-task.ts";
import { dispatch } from "./dispatch.ts";
import { listCheckpoints, listIterations, listTaskOutput } from "./history.ts";
import { listOwnerEvents } from "./events.ts";
import { showTask } from "./show-task.ts";

const NO_USAGE = { inputTokens: 0, outputTokens: 0, cacheTokens: 0, costUsd: 0 };

async function running(world: World, daemon: FakeDaemon) {
  await world.contract();
  await dispatch(world.deps);
  const spec = (await daemon.specs()).at(-1);
  assert.ok(spec);
  return spec;
}

const line = (content: string) =>
  ({ at: new Date().toISOString(), messageType: "assistant", content }) as const;

const iteration = (spec: Parameters<typeof runName>[0], n: number, costUsd = 0): Report => ({
  type: "iterationEnded",
  ...runName(spec),
  iteration: n,
  startedAt: new Date().toISOString(),
  durationMs: 5,
  exitCode: 0,
  signal: null,
  gate: { ready: false, blockers: ["more to do"], extra: {} },
  verdict: "not ready",
  changed: true,
  evidence: [],
  usage: { ...NO_USAGE, costUsd },
  loop: { iteration: n, breaker: {}, resumeSession: true, failedChecks: [], checkpoints: 0, recoveries: {} },
});

async function contents(world: World, id: string) {
  const page = valueOf(await listTaskOutput(world.deps, world.caller, { id, limit: 1000 }));
  return page.items.filter(({ messageType }) => messageType === "assistant").map(({ content }) => content);
}

test("reports that come twice, or again from the middle, are applied once", async () => {
  await using world = await openWorld();
  const daemon = await world.daemon();
  const spec = await running(world, daemon);
  const reports: Report[] = [
    ...started(spec),
    { type: "output", ...runName(spec), entries: [line("one"), line("two")] },
    iteration(spec, 1, 0.5),
    { type: "output", ...runName(spec), entries: [line("three")] },
  ];
  assert.equal(await daemon.reportFrom(1, ...reports), 5);
  assert.equal(await daemon.reportFrom(1, ...reports), 5);
  assert.equal(
    await daemon.reportFrom(3, ...reports.slice(2), {
      type: "output",
      ...runName(spec),
      entries: [line("four")],
    }),
    6,
  );
  assert.deepEqual(await contents(world, spec.taskId), ["one", "two", "three", "four"]);
  const task = valueOf(await showTask(world.deps, world.caller, { id: spec.taskId }));
  assert.equal(task.usage.costUsd, 0.5);
  assert.equal(task.iteration, 1);
  assert.deepEqual(task.gate?.blockers, ["more to do"]);
  assert.equal(valueOf(await listIterations(world.deps, world.caller, { id: spec.taskId })).items.length, 1);
});

test("the same batch sent on two connections at once is applied once", async () => {
  await using world = await openWorld();
  const daemon = await world.daemon();
  const spec = await running(world, daemon);
  const reports: Report[] = [...started(spec), { type: "output", ...runName(spec), entries: [line("one")] }];
  const stored = await Promise.all([1, 2, 3].map(() => daemon.reportFrom(1, ...reports)));
  assert.deepEqual(stored, [3, 3, 3]);
  assert.deepEqual(await contents(world, spec.taskId), ["one"]);
});

test("a gap in reports is refused, and so is a journal that was replaced", async () => {
  await using world = await openWorld();
  const daemon = await world.daemon();
  const spec = await running(world, daemon);
  await assert.rejects(daemon.reportFrom(2, ...started(spec)), { code: "gap" });
  const batch = { daemonId: daemon.id, journalId: randomUUID(), first: 1, items: started(spec) };
  await assert.rejects(applyReports(world.deps, batch), { code: "unknown_journal" });
});

test("a run of an older epoch changes no state; what it wrote and snapshotted is kept", async () => {
  await using world = await openWorld({ leases: { heartbeatSecs: 1, leaseSecs: 30, graceSecs: 0 } });
  const daemon = await world.daemon();
  const spec = await running(world, daemon);
  await daemon.report(...started(spec));
  // Its daemon comes back without the run: it is lost and the task is placed anew.
  await daemon.greet({ commandsReceived: 1 });
  await dispatch(world.deps);
  const [, second] = await daemon.specs();
  assert.equal(second?.epoch, 3);
  assert.equal(second?.attempt, 2);
  const at = new Date().toISOString();
  await daemon.report(
    { type: "output", ...runName(spec), entries: [line("late")] },
    iteration(spec, 7, 0.25),
    {
      type: "checkpointTaken",
      ...runName(spec),
      n: 1,
      ref: "r",
      commit: "c",
      message: "m",
      at,
      files: 1,
      insertions: 1,
      deletions: 0,
      omitted: [],
      pushed: false,
    },
    ended(spec, { type: "done" }),
  );
  const task = valueOf(await showTask(world.deps, world.caller, { id: spec.taskId }));
  assert.equal(task.status, "assigned");
  assert.equal(task.iteration, 0);
  assert.equal(task.usage.costUsd, 0.25);
  assert.deepEqual(await contents(world, spec.taskId), ["late"]);
  assert.equal(
    valueOf(await listCheckpoints(world.deps, world.caller, { id: spec.taskId, limit: 10 })).items.length,
    1,
  );
  const { items } = valueOf(await listTaskOutput(world.deps, world.caller, { id: spec.taskId, limit: 100 }));
  assert.ok(
    items.some(
      ({ messageType, content }) => messageType === "notice" && content.includes("not the task's any more"),
    ),
  );
});

test("of a completion and a cancellation at once exactly one counts, and the story has one end", async () => {
  await using world = await openWorld();
  const daemon = await world.daemon({ slots: 50 });
  for (let round = 0; round < 10; round += 1) {
    const spec = await running(world, daemon);
    await daemon.report(...started(spec));
    const [, cancelled] = await Promise.all([
      daemon.report(ended(spec, { type: "done" })),
      cancelTask(world.deps, world.caller, { id: spec.taskId }),
    ]);
    const task = valueOf(await showTask(world.deps, world.caller, { id: spec.taskId }));
    assert.equal(task.status, cancelled.ok ? "cancelled" : "done");
    const events = await listOwnerEvents(world.deps, world.caller.ownerId, 0, 1000);
    assert.equal(
      events.filter(({ type, taskId }) => type === "TaskCompleted" && taskId === spec.taskId).length,
      1,
    );
  }
});

test("of two daemons that both say they finished, only the one that holds the lease is believed", async () => {
  await using world = await openWorld({ leases: { heartbeatSecs: 1, leaseSecs: 30, graceSecs: 0 } });
  const first = await world.daemon();
  const spec = await running(world, first);
  await first.report(...started(spec));
  await first.greet({ commandsReceived: 1, slots: 0 });
  const second = await world.daemon();
  await dispatch(world.deps);
  const [again] = await second.specs();
  assert.ok(again);
  await Promise.all([
    first.report(ended(spec, { type: "failed", error: { kind: "crash", message: "old" } })),
    second.report(...started(again), ended(again, { type: "done" })),
  ]);
  const task = valueOf(await showTask(world.deps, world.caller, { id: spec.taskId }));
  assert.equal(task.status, "done");
  const events = await listOwnerEvents(world.deps, world.caller.ownerId, 0, 1000);
  assert.equal(events.filter(({ type }) => type === "TaskCompleted").length, 1);
});

test("a report that cannot be applied is put aside, and those around it are applied", async () => {
  await using world = await openWorld();
  const daemon = await world.daemon();
  const spec = await running(world, daemon);
  const stored = await daemon.report(
    ...started(spec),
    { type: "output", ...runName(spec), entries: [line("before")] },
    // No such instant: the database refuses it.
    { type: "output", ...runName(spec), entries: [{ ...line("bad"), at: "2026-13-45T00:00:00.000Z" }] },
    { type: "output", runId: randomUUID(), taskId: spec.taskId, epoch: 1, entries: [line("foreign")] },
    { type: "output", ...runName(spec), entries: [line("after")] },
  );
  assert.equal(stored, 6);
  assert.deepEqual(await contents(world, spec.taskId), ["before", "after"]);
  const { rows } = await sql<{ seq: number }>`select seq from makima.dead_report order by seq`.execute(
    world.deps.db,
  );
  assert.deepEqual(
    rows.map(({ seq }) => seq),
    [4, 5],
  );
});

test("a bad report of one daemon does not hold up others whose reports travel with it", async () => {
  await using world = await openWorld();
  const good = await world.daemon({ slots: 1 });
  const bad = await world.daemon({ slots: 1 });
  await world.contract();
  await world.contract();
  await dispatch(world.deps);
  const [one] = await good.specs();
  const [other] = await bad.specs();
  assert.ok(one && other);
  await Promise.all([
    good.report(...started(one)),
    bad.report({ type: "messageDelivered", ...runName(other), messageId: "not an id" }, ...started(other)),
    good.report(ended(one, { type: "done" })).catch(() => undefined),
  ]);
  assert.equal(valueOf(await showTask(world.deps, world.caller, { id: other.taskId })).status, "running");
});

test("a daemon cannot report on a run of another owner", async () => {
  await using world = await openWorld();
  const daemon = await world.daemon();
  const spec = await running(world, daemon);
  const stranger = await world.daemon({}, await world.stranger());
  await stranger.report(
    { type: "output", ...runName(spec), entries: [line("x")] },
    ended(spec, { type: "done" }),
  );
  assert.deepEqual(await contents(world, spec.taskId), []);
  assert.equal(valueOf(await showTask(world.deps, world.caller, { id: spec.taskId })).status, "assigned");
});
