/**
 * One run from its command to its end.
 *
 *     prepare → (turn → judge → recover | once more)* → complete → ended
 *
 * Whatever stops it on the way is thrown as `RunStopped` (somebody wants it to stop) or `RunError` (the world
 * failed, and a playbook knows what to do), and lands in one of two places: `settleStop`, `settleFailure`.
 */
import { newBreaker } from "@makima/core/circuit-breaker";
import { nextRecovery } from "@makima/core/playbook";
import type { Verdict } from "@makima/core/verdict";
import type { LoopState } from "@makima/protocol/gate";
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { GitError } from "../git/error.ts";
import { treeOf } from "../git/refs.ts";
import { waitingMessages, type WaitingMessage } from "../journal/messages.ts";
import { isJournalFull } from "../journal/room.ts";
import { newLoop, readAgain, saveRun } from "../journal/runs.ts";
import { criteriaFor } from "./check-work.ts";
import { complete } from "./complete.ts";
import { entry, report, reportAndSave, tell, type RunContext } from "./context.ts";
import { endRun } from "./end-run.ts";
import type { RunHandle } from "./handle.ts";
import { judge } from "./judge.ts";
import { loopOf } from "./loop-of.ts";
import type { Workplace } from "./launch.ts";
import { fromGit, prepare } from "./prepare.ts";
import { recoverTurn } from "./recover-turn.ts";
import { RunError, RunStopped } from "./run-error.ts";
import { settleStop } from "./settle-stop.ts";
import { takeTurn, type TurnEnd, type TurnPrompt } from "./turn.ts";
import { countCutOff } from "./usage.ts";
import { wordsFor } from "./words.ts";

/** What the next turn must be told about the one before. */
interface Before {
  because: Extract<Verdict, { type: "continue" }> | undefined;
  interrupted: boolean;
}

/** Resolves when the run is over, or kept for later (shutdown). Never throws for what can happen to a run. */
export async function carryOut(context: RunContext, handle: RunHandle): Promise<void> {
  for (;;) {
    try {
      if ((await liveAndSettle(context, handle)) === "over") return;
    } catch (error) {
      if (!isJournalFull(error)) throw error;
      await context.room.wait();
      if (context.room.closed) return;
      // As after a crash of the daemon: what the journal holds is where the run stands.
      if (!readAgain(context.journal, handle.run)) return;
      handle.unjudged = undefined;
    }
  }
}

async function liveAndSettle(context: RunContext, handle: RunHandle): Promise<"over" | "again"> {
  try {
    await live(context, handle);
    return "over";
  } catch (error) {
    if (isJournalFull(error)) throw error;
    if (error instanceof RunStopped) return await settleStop(context, handle, error.reason);
    if (handle.stopReason !== undefined && isAbort(error))
      return await settleStop(context, handle, handle.stopReason);
    if (error instanceof RunError || error instanceof GitError) {
      const failure = error instanceof GitError ? fromGit(error) : error;
      return await settleFailure(context, handle, failure);
    }
    context.log.error(
      { err: error, runId: handle.run.spec.runId },
      "a run failed for a reason that is not known",
    );
    const message = error instanceof Error ? error.message : String(error);
    endRun(context, handle, { type: "failed", error: { kind: "unknown", message } });
    return "over";
  }
}

/** What an aborted wait throws: the stop itself, or Node's AbortError around it. */
function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === "AbortError" || error.cause instanceof RunStopped);
}

async function live(context: RunContext, handle: RunHandle): Promise<void> {
  const { run } = handle;
  // First of all, whoever the run belongs to by now: nothing of an earlier process goes on, and its output is kept.
  const left = await recoverTurn(context, handle);
  if (typeof left === "object") handle.unjudged = left;
  await handle.confirmed();
  handle.check();
  if (left === "asked") throw new RunStopped("question");
  if (!run.progress.announced) {
    run.progress.announced = true;
    reportAndSave(context, handle, { type: "runPreparing", ...handle.name });
  }
  const place = await prepare(context, handle);
  handle.place = place;
  await beginLoop(context, handle, place);
  const interrupted = left === "cut off" || run.progress.loop?.iteration === 0;
  let ended = left === "cut off" ? undefined : left;
  let next = run.progress.verdict ? await follow(context, handle) : { because: undefined, interrupted };
  while (run.phase !== "completing") {
    if (next === "over") return;
    handle.check();
    const turn: TurnEnd = ended ?? (await nextTurn(context, handle, place, next));
    ended = undefined;
    handle.unjudged = turn;
    await judge(context, handle, place, turn);
    next = await follow(context, handle);
  }
  const result = await complete(context, handle, place);
  endRun(context, handle, { type: "done" }, result);
}

async function beginLoop(context: RunContext, handle: RunHandle, place: Workplace): Promise<void> {
  const { run } = handle;
  const { maxIterations, noChangeThreshold, sameErrorThreshold } = run.spec;
  if (!run.progress.loop) {
    const breaker = newBreaker({
      maxIterations,
      noChange: noChangeThreshold,
      sameError: sameErrorThreshold,
    });
    run.progress.loop = newLoop(breaker as unknown as LoopState["breaker"]);
  }
  run.progress.loop.lastTree ??= await treeOf(place.store.gitDir, place.tree.baseCommit);
  saveRun(context.journal, run);
}

async function nextTurn(
  context: RunContext,
  handle: RunHandle,
  place: Workplace,
  before: Before,
): Promise<TurnEnd> {
  const { run } = handle;
  const loop = loopOf(handle);
  const { spec } = run;
  const messages = messagesFor(context, handle);
  const words: TurnPrompt = {
    ...(await wordsFor({
      spec,
      loop,
      tree: place.tree,
      lastCheckpoint: place.last,
      criteria: await criteriaFor(spec, place.tree.path),
      messages,
      ...before,
    })),
    messageIds: messages.map((message) => message.id),
  };
  const iteration = loop.iteration + 1;
  const { maxIterations } = spec;
  report(context, { type: "iterationStarted", ...handle.name, iteration, maxIterations });
  tell(context, handle, entry(context, "iteration", `[iteration ${iteration}/${maxIterations}] begins`));
  const turn = await takeTurn(context, handle, place, words);
  handle.questions.clear();
  for (const text of turn.exit.undelivered)
    context.log.debug({ text: text.slice(0, 80) }, "a message goes into the next prompt");
  for (const note of turn.exit.notes) tell(context, handle, entry(context, "notice", note));
  if (!turn.stopped) return turn;
  const { result } = turn.exit.facts;
  if (result && !result.isError) {
    // It came to its end all the same: whoever goes on with the run finds it and judges it.
    handle.unjudged = turn;
  } else {
    delete run.progress.process;
    countCutOff(handle, turn.exit.facts);
    saveRun(context.journal, run);
  }
  throw new RunStopped(turn.stopped);
}

/** Carries out the verdict: once more (with what the agent is then told), completion, or the end of the run. */
async function follow(context: RunContext, handle: RunHandle): Promise<Before | "over"> {
  const { run } = handle;
  const { verdict } = run.progress;
  assert(verdict, "a turn was judged and there is no verdict");
  switch (verdict.type) {
    case "done":
      // What a person wrote in the meantime is heard before the work counts as done.
      if (messagesFor(context, handle).length === 0) {
        run.phase = "completing";
        saveRun(context.journal, run);
      }
      return { because: undefined, interrupted: false };
    case "continue":
      return { because: verdict, interrupted: false };
    case "park":
      endRun(context, handle, { type: "parked", reason: verdict.reason, detail: verdict.detail });
      return "over";
    case "fail":
      endRun(context, handle, { type: "failed", error: verdict.error });
      return "over";
    case "recover": {
      delete run.progress.verdict;
      const error = new RunError(verdict.kind, verdict.message);
      const facts = {
        ...(verdict.resetsAt === undefined ? {} : { resetsAt: verdict.resetsAt }),
        ...(verdict.sessionLost ? { sessionLost: true } : {}),
      };
      if ((await settleFailure(context, handle, error, facts)) === "over") return "over";
      return { because: undefined, interrupted: true };
    }
  }
}

/** What a person wrote and the agent was not told yet. */
function messagesFor(context: RunContext, { run }: RunHandle): WaitingMessage[] {
  return [...run.spec.messages, ...waitingMessages(context.journal, run.spec.runId)].filter(
    (message) => !run.progress.told.includes(message.id),
  );
}

/** Does what the playbook says about a failure: wait and go on, park, or give up. */
async function settleFailure(
  context: RunContext,
  handle: RunHandle,
  error: RunError,
  facts: { resetsAt?: number; sessionLost?: boolean } = {},
): Promise<"over" | "again"> {
  const { run } = handle;
  const loop = run.progress.loop;
  const counts = loop?.recoveries ?? handle.failures;
  const tried = counts[error.code] ?? 0;
  const recovery = nextRecovery(error.code, tried, context.random(), { now: context.now(), ...facts });
  if (error.code === "auth") context.logins.required(run.spec.agent, run.spec.taskId);
  if (error.final || recovery.type === "fail") {
    endRun(context, handle, { type: "failed", error: { kind: error.code, message: error.message } });
    return "over";
  }
  if (recovery.type === "park") {
    const wakeAt = recovery.wakeAt === undefined ? {} : { wakeAt: recovery.wakeAt };
    endRun(context, handle, { type: "parked", reason: recovery.reason, detail: error.message, ...wakeAt });
    return "over";
  }
  counts[error.code] = tried + 1;
  if (loop && recovery.session === "fresh") loop.resumeSession = false;
  saveRun(context.journal, run);
  const wait = recovery.delayMs >= 1000 ? ` in ${Math.round(recovery.delayMs / 1000)} s` : "";
  const how = recovery.session === "fresh" ? "with a fresh session" : "where it was";
  const text = `${error.message} — trying again ${how}${wait} (${tried + 1})`;
  tell(context, handle, entry(context, "error", text, { isError: true }));
  try {
    await delay(recovery.delayMs, undefined, { signal: handle.signal });
  } catch {
    return (await settleStop(context, handle, handle.stopReason ?? "shutdown")) === "over" ? "over" : "again";
  }
  return "again";
}
