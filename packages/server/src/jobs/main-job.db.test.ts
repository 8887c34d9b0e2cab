import assert from "node:assert/strict";
import { test } from "node:test";
import { openWorld, started, valueOf } from "../testing/world.ts";
import { dispatch } from "./dispatch.ts";
import { listOwnerEvents } from "./events.ts";
import { listTaskOutput } from "./history.ts";
import { showContract } from "./show-contract.ts";
import { showTask } from "./show-task.ts";

test("a single contract goes from its creation through a run to completed, and its story says so", async () => {
  await using world = await openWorld();
  const { deps, caller } = world;
  const daemon = await world.daemon();
  const { contract, tasks } = await world.contract();
  const [task] = tasks;
  assert.ok(task);
  assert.equal(contract.status, "active");
  assert.match(contract.shortId, /^c-[0-9a-z]{4,}$/);
  assert.equal(task.status, "pending");
  assert.match(task.branch, /^makima\/add-a-greeting\/add-a-greeting-t-[0-9a-z]{4,}$/);

  await dispatch(deps);
  const [spec] = await daemon.specs();
  assert.ok(spec);
  assert.equal(spec.taskId, task.id);
  assert.equal(spec.epoch, 1);
  assert.match(spec.apiKey, /^mk_/);

  const run = { runId: spec.runId, taskId: spec.taskId, epoch: spec.epoch };
  const at = new Date().toISOString();
  await daemon.report(...started(spec), {
    type: "output",
    ...run,
    entries: [{ at, messageType: "assistant", content: "Hello\0" }],
  });
  assert.equal(valueOf(await showTask(deps, caller, { id: task.shortId })).status, "running");
  const result = { action: "branch", ok: true, branch: spec.branch } as const;
  await daemon.report({ type: "runEnded", ...run, outcome: { type: "done" }, runtimeSecs: 2.5, result });

  const done = valueOf(await showTask(deps, caller, { id: task.id }));
  assert.equal(done.status, "done");
  assert.equal(done.runtimeSecs, 2.5);
  assert.equal(valueOf(await showContract(deps, caller, { id: contract.id })).status, "completed");
  const { items, lastSeq } = valueOf(await listTaskOutput(deps, caller, { id: task.id, limit: 100 }));
  assert.deepEqual(
    items.map((entry) => entry.seq),
    items.map((_, index) => index + 1),
  );
  assert.equal(lastSeq, items.length);
  assert.ok(items.some((entry) => entry.content === "Hello\u2400"));
  const events = await listOwnerEvents(deps, caller.ownerId, 0, 1000);
  assert.deepEqual(
    events.map((event) => event.seq),
    events.map((_, index) => index + 1),
  );
  const changes = events
    .filter((event) => event.type === "TaskStateChanged")
    .map((event) => event.data["newState"]);
  assert.deepEqual(changes, ["pending", "assigned", "starting", "running", "done"]);
  const statuses = events
    .filter((event) => event.type === "StatusChanged")
    .map((event) => event.data["newStatus"]);
  assert.deepEqual(statuses, ["created", "active", "completing", "completed"]);
  const [removal] = await daemon.commandsOf("removeWorktree");
  assert.deepEqual(removal, { type: "removeWorktree", taskId: task.id, deleteBranch: false });
});
