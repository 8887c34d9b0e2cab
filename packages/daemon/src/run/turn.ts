/**
 * One process of the agent within a run: started, followed, stopped if it must be, over.
 *
 * Before the process starts, the journal says that it will; when it has started, it says which one it is.
 * Each batch of output goes to the outbox in one transaction with the offset up to which it was read. So a
 * daemon that dies here finds, when it is back, the process to end and the output to take over (`recover-turn.ts`).
 */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import type { Verdict } from "@makima/core/verdict";
import { startAgent, type AgentExit, type AgentProcess } from "../agent/agent-process.ts";
import type { SessionStart } from "../agent/agent.ts";
import { claude } from "../agent/claude/adapter.ts";
import { forgetMessage, waitingMessages } from "../journal/messages.ts";
import { saveRun, type ProcessRecord } from "../journal/runs.ts";
import { ProcessError } from "../process/process-error.ts";
import { entry, mention, reportAndSave, type RunContext } from "./context.ts";
import type { RunHandle } from "./handle.ts";
import { launchOf, type Workplace } from "./launch.ts";
import { RunError, type StopReason } from "./run-error.ts";
import { storeBatch } from "./store-batch.ts";
import { startTurnTimers } from "./turn-timers.ts";

export interface TurnPrompt {
  prompt: string;
  systemPrompt: string;
  /** Messages of a person that the prompt holds; they count as delivered once the agent was heard. */
  messageIds: string[];
}

export interface TurnEnd {
  exit: AgentExit;
  startedAt: string;
  durationMs: number;
  /** Why makima stopped it before its turn was over. */
  stopped?: StopReason;
}

/** Runs one process to its end. Throws `RunError` when it cannot be started. */
export async function takeTurn(
  context: RunContext,
  handle: RunHandle,
  place: Workplace,
  words: TurnPrompt,
): Promise<TurnEnd> {
  const { run } = handle;
  const { verdict } = run.progress;
  const record = planProcess(context, handle);
  const began = performance.now();
  const session: SessionStart = record.resumed
    ? { mode: "resume", id: record.sessionId }
    : { mode: "new", id: record.sessionId };
  let heard = false;
  const agent = await start(context, handle, { record, verdict }, async () => {
    const launch = await launchOf(context, handle, place, { ...words, session, folder: record.spoolDir });
    handle.check();
    return await startAgent({
      ...launch,
      adapter: claude,
      runId: run.spec.runId,
      spoolFolder: record.spoolDir,
      startGate: context.startGate,
      signal: handle.signal,
      ...(context.silentMs === undefined ? {} : { silentAfterMs: context.silentMs }),
      onStarted(identity) {
        record.pid = identity.pid;
        record.pidStart = identity.startTime;
        saveRun(context.journal, run);
      },
      async onEvents(batch) {
        await storeBatch(context, handle, launch.redactor, batch);
        if (heard || batch.stream === "stderr") return;
        heard = true;
        delivered(context, handle, words.messageIds);
      },
      onSilent(silentMs) {
        const text = `Nothing has come from the agent for ${Math.round(silentMs / 1000)} s. It may wait for a login or the network; "makima doctor" looks at both, "makima tasks pause ${run.spec.taskShortId}" stops it.`;
        mention(context, handle, entry(context, "notice", text, { isError: true }));
      },
    });
  });

  let stopped: StopReason | undefined;
  const stop = (reason: StopReason) => {
    stopped = reason;
    handle.stopping = true;
    void agent.stop(reason === "fence" ? "terminate" : "interrupt");
  };
  handle.agent = agent;
  handle.stopping = false;
  for (const id of words.messageIds) handle.underway.add(id);
  handle.on("stop", stop);
  const passOn = () => deliverWaiting(context, handle);
  handle.on("message", passOn);
  const timers = startTurnTimers(context, handle, place, stop);
  try {
    if (handle.stopReason) stop(handle.stopReason);
    passOn();
    const exit = await agent.exited;
    const { loop } = run.progress;
    // One that ended before it had a session has none that could be gone on with.
    if (loop && exit.facts.sessionId === undefined) loop.resumeSession = record.resumed;
    return {
      exit,
      startedAt: record.startedAt,
      durationMs: Math.round(performance.now() - began),
      ...(stopped === undefined ? {} : { stopped }),
    };
  } finally {
    await timers.stop();
    handle.off("stop", stop);
    handle.off("message", passOn);
    handle.agent = undefined;
    for (const id of words.messageIds) handle.underway.delete(id);
    run.runtimeMs += performance.now() - began;
  }
}

/** Starts the planned process; when that fails, there was no process and no session. */
async function start(
  context: RunContext,
  { run }: RunHandle,
  { record, verdict }: { record: ProcessRecord; verdict: Verdict | undefined },
  begin: () => Promise<AgentProcess>,
): Promise<AgentProcess> {
  try {
    return await begin();
  } catch (error) {
    delete run.progress.process;
    // What the agent was to be told about the turn before, it is to be told still.
    if (verdict?.type === "continue") run.progress.verdict = verdict;
    if (run.progress.loop) run.progress.loop.resumeSession = record.resumed;
    saveRun(context.journal, run);
    throw error instanceof ProcessError ? new RunError(error.kind, error.message, error) : error;
  }
}

/** Writes into the journal that a process is about to start, with the session that it will have. */
function planProcess(context: RunContext, handle: RunHandle): ProcessRecord {
  const { run } = handle;
  const { progress } = run;
  const loop = progress.loop;
  const resumed = loop?.resumeSession === true && loop.sessionId !== undefined;
  const n = progress.processes + 1;
  const record: ProcessRecord = {
    n,
    spoolDir: join(context.paths.stateDir, "spools", run.spec.runId, String(n)),
    sessionId: resumed && loop?.sessionId ? loop.sessionId : randomUUID(),
    resumed,
    startedAt: new Date(context.now()).toISOString(),
  };
  progress.processes = n;
  progress.process = record;
  delete progress.verdict;
  if (loop) {
    loop.sessionId = record.sessionId;
    // Whatever becomes of the process: its session exists from now on, and a refusal is noticed.
    loop.resumeSession = true;
  }
  run.offsets = { stdout: 0, stderr: 0 };
  run.phase = "iterating";
  saveRun(context.journal, run);
  return record;
}

function delivered(context: RunContext, handle: RunHandle, messageIds: readonly string[]): void {
  for (const messageId of messageIds) {
    const { told } = handle.run.progress;
    told.push(messageId);
    try {
      reportAndSave(context, handle, { type: "messageDelivered", ...handle.name, messageId });
      forgetMessage(context.journal, messageId);
    } catch (error) {
      // Not stored is not told: it is said again rather than lost.
      handle.run.progress.told = told.filter((id) => id !== messageId);
      throw error;
    }
  }
}

/** Hands messages that came meanwhile to the living agent; one that it does not take in waits for the next prompt. */
function deliverWaiting(context: RunContext, handle: RunHandle): void {
  const { agent } = handle;
  if (!agent) return;
  for (const message of waitingMessages(context.journal, handle.run.spec.runId)) {
    if (handle.underway.has(message.id)) continue;
    handle.underway.add(message.id);
    void agent
      .send(message.text)
      .then((taken) => taken && delivered(context, handle, [message.id]))
      .catch((error: unknown) => context.log.warn({ err: error }, "a message did not reach the agent"))
      .finally(() => handle.underway.delete(message.id));
  }
}
