import assert from "node:assert/strict";
import { test } from "node:test";
import { newBreaker, recordIteration } from "@makima/core/circuit-breaker";
import type { LoopState } from "@makima/protocol/gate";
import {
  codeOf,
  ended,
  openWorld,
  runName,
  started,
  valueOf,
  type FakeDaemon,
  type World,
} from "../testing/world.ts";
import { askLeave } from "./ask-leave.ts";
import { cancelTask } from "./cancel-task.ts";
import { continueTask } from "./continue-task.ts";
import { dispatch } from "./dispatch.ts";
import { messageTask } from "./message-task.ts";
import { pauseTask } from "./pause-task.ts";
import { resumeTask } from "./resume-task.ts";
import { retryCompletionAction } from "./retry-completion-action.ts";
import { retryTask } from "./retry-task.ts";
import { showContract } from "./show-contract.ts";
import { showTask } from "./show-task.ts";

async function running(world: World, daemon: FakeDaemon, overrides: Record<string, unknown> = {}) {
  await world.contract(overrides);
  await dispatch(world.deps);
  const spec = (await daemon.specs()).at(-1);
  assert.ok(spec);
  await daemon.report(...started(spec));
  return spec;
}

const show = async (world: World, id: string) => valueOf(await showTask(world.deps, world.caller, { id }));
const contractStatus = async (world: World, id: string | undefined) =>
  valueOf(await showContract(world.deps, world.caller, { id: id ?? "" })).status;

test("a pause asks the agent to stop, pauses task and contract, and resuming goes on as the same attempt", async () => {
  await using world = await openWorld();
  const { deps, caller } = world;
  const daemon = await world.daemon();
  const spec = await running(world, daemon);
  const asked = valueOf(await pauseTask(deps, caller, { id: spec.taskId }));
  assert.equal(asked.status, "running");
  assert.equal(asked.pauseRequested, true);
  const [stop] = await daemon.commandsOf("stopRun");
  assert.deepEqual(stop, { type: "stopRun", ...runName(spec), manner: "pause" });
  await daemon.report(ended(spec, { type: "parked", reason: "paused" }));
  assert.equal((await show(world, spec.taskId)).status, "paused");
  assert.equal(await contractStatus(world, spec.contractId), "paused");
  valueOf(await resumeTask(deps, caller, { id: spec.taskId }));
  assert.equal(await contractStatus(world, spec.contractId), "active");
  await dispatch(deps);
  const next = (await daemon.specs()).at(-1);
  assert.deepEqual([next?.epoch, next?.attempt], [2, 1]);
});

test("a cancelled task is over at once, its contract failed; retrying it starts anew and brings the contract back", async () => {
  await using world = await openWorld();
  const { deps, caller } = world;
  const daemon = await world.daemon();
  const spec = await running(world, daemon);
  valueOf(await cancelTask(deps, caller, { id: spec.taskId }));
  const [stop] = await daemon.commandsOf("stopRun");
  assert.deepEqual(stop, { type: "stopRun", ...runName(spec), manner: "cancel" });
  assert.equal(await contractStatus(world, spec.contractId), "failed");
  assert.equal(codeOf(await cancelTask(deps, caller, { id: spec.taskId })), "INVALID_TRANSITION");
  valueOf(await retryTask(deps, caller, { id: spec.taskId }));
  assert.equal(await contractStatus(world, spec.contractId), "active");
  await dispatch(deps);
  const next = (await daemon.specs()).at(-1);
  assert.ok(next);
  assert.equal(next.loop, undefined);
  await daemon.report(...started(next), ended(next, { type: "done" }));
  assert.equal(await contractStatus(world, spec.contractId), "completed");
});

test("a failed task fails its contract with the reason", async () => {
  await using world = await openWorld();
  const daemon = await world.daemon();
  const spec = await running(world, daemon);
  await daemon.report(ended(spec, { type: "failed", error: { kind: "repo", message: "no such branch" } }));
  const contract = valueOf(await showContract(world.deps, world.caller, { id: spec.contractId ?? "" }));
  assert.equal(contract.status, "failed");
  assert.match(contract.failureReason ?? "", /no such branch/);
});

test("an open breaker is closed by continuing: more iterations, and an instruction in the next prompt", async () => {
  await using world = await openWorld();
  const { deps, caller } = world;
  const daemon = await world.daemon();
  const spec = await running(world, daemon, { autonomousLoop: true });
  let breaker = newBreaker({ maxIterations: 2 });
  for (let n = 0; n < 2; n += 1) breaker = recordIteration(breaker, { changed: true, ready: false });
  assert.ok(breaker.open);
  const loop: LoopState = {
    iteration: 2,
    breaker: { ...breaker },
    resumeSession: true,
    sessionId: "s1",
    failedChecks: [],
    checkpoints: 2,
    recoveries: {},
  };
  const detail = breaker.open.reason;
  await daemon.report({
    type: "runEnded",
    ...runName(spec),
    outcome: { type: "parked", reason: "circuit_breaker", detail },
    loop,
    runtimeSecs: 3,
  });
  const blocked = await show(world, spec.taskId);
  assert.equal(blocked.blockedDetail, "Maximum iterations (2) reached");
  assert.equal(await contractStatus(world, spec.contractId), "blocked");
  assert.equal(codeOf(await resumeTask(deps, caller, { id: spec.taskId })), "INVALID_TRANSITION");
  const input = { id: spec.taskId, moreIterations: 3, instruction: "Look at the tests first" };
  assert.equal(valueOf(await continueTask(deps, caller, input)).maxIterations, 5);
  await dispatch(deps);
  const next = (await daemon.specs()).at(-1);
  assert.equal(next?.loop?.sessionId, "s1");
  assert.equal((next?.loop?.breaker as { open?: unknown } | undefined)?.open, undefined);
  assert.equal(next?.maxIterations, 5);
  assert.deepEqual(
    next?.messages.map(({ text }) => text),
    ["Look at the tests first"],
  );
  assert.equal(next?.spent.runtimeSecs, 3);
});

test("a message goes to a running agent at once, and with the next run when it was not taken in", async () => {
  await using world = await openWorld();
  const { deps, caller } = world;
  const daemon = await world.daemon();
  const spec = await running(world, daemon);
  valueOf(await messageTask(deps, caller, { id: spec.taskId, text: "first" }));
  valueOf(await messageTask(deps, caller, { id: spec.taskId, text: "second" }));
  const [first, second] = await daemon.commandsOf("sendMessage");
  assert.equal(first?.text, "first");
  assert.ok(second);
  await daemon.report({ type: "messageDelivered", ...runName(spec), messageId: first?.messageId ?? "" });
  await daemon.report(ended(spec, { type: "parked", reason: "paused" }));
  valueOf(await resumeTask(deps, caller, { id: spec.taskId }));
  await dispatch(deps);
  const next = (await daemon.specs()).at(-1);
  assert.ok(next);
  assert.deepEqual(next.messages, [{ id: second.messageId, text: "second" }]);
  await daemon.report(...started(next), {
    type: "iterationStarted",
    ...runName(next),
    iteration: 1,
    maxIterations: 10,
  });
  await daemon.report(ended(next, { type: "parked", reason: "paused" }));
  valueOf(await resumeTask(deps, caller, { id: spec.taskId }));
  await dispatch(deps);
  assert.deepEqual((await daemon.specs()).at(-1)?.messages, []);
  valueOf(await cancelTask(deps, caller, { id: spec.taskId }));
  assert.equal(
    codeOf(await messageTask(deps, caller, { id: spec.taskId, text: "late" })),
    "INVALID_TRANSITION",
  );
});

test("a failed completion action can be tried again, with leave for that alone", async () => {
  await using world = await openWorld();
  const { deps, caller } = world;
  const daemon = await world.daemon();
  const spec = await running(world, daemon);
  const failed = { action: "branch", ok: false, error: "remote rejected" } as const;
  await daemon.report({
    type: "runEnded",
    ...runName(spec),
    outcome: { type: "done" },
    result: failed,
    runtimeSecs: 1,
  });
  assert.equal((await daemon.commandsOf("removeWorktree")).length, 0, "what is not delivered is kept");
  const ask = { daemonId: daemon.id, ...runName(spec) };
  assert.equal((await askLeave(deps, ask)).granted, false);
  valueOf(await retryCompletionAction(deps, caller, { id: spec.taskId }));
  assert.equal((await daemon.commandsOf("retryCompletionAction")).length, 1);
  assert.equal((await askLeave(deps, ask)).granted, true);
  await daemon.report({ type: "completionAction", ...runName(spec), result: { action: "branch", ok: true } });
  assert.equal((await show(world, spec.taskId)).result?.ok, true);
  assert.equal((await askLeave(deps, ask)).granted, false);
  assert.equal((await daemon.commandsOf("removeWorktree")).length, 1);
  assert.equal(codeOf(await retryCompletionAction(deps, caller, { id: spec.taskId })), "INVALID_TRANSITION");
});

test("a command that a daemon could not carry out fails the run it was to begin", async () => {
  await using world = await openWorld();
  const daemon = await world.daemon();
  await world.contract();
  await dispatch(world.deps);
  const [spec] = await daemon.specs();
  assert.ok(spec);
  await daemon.report({ type: "commandFailed", commandSeq: 1, message: "disk is read-only" });
  const task = await show(world, spec.taskId);
  assert.equal(task.status, "failed");
  assert.match(task.error?.message ?? "", /disk is read-only/);
});
