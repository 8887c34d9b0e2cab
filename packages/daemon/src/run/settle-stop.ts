/**
 * What becomes of a run that was stopped before it was over. Its work is checkpointed in every case; who asked
 * decides the rest.
 */
import { once } from "node:events";
import { saveRun } from "../journal/runs.ts";
import { entry, tell, type RunContext } from "./context.ts";
import { abandonRun, endRun } from "./end-run.ts";
import type { RunHandle } from "./handle.ts";
import { findPlace } from "./prepare.ts";
import type { StopReason } from "./run-error.ts";

/** `over`: the run left this daemon, or is kept in the journal for the next start. `again`: it may go on. */
export async function settleStop(
  context: RunContext,
  handle: RunHandle,
  reason: StopReason,
): Promise<"over" | "again"> {
  const { run } = handle;
  await keepWork(context, handle, reason);
  saveRun(context.journal, run);
  switch (reason) {
    case "pause":
      endRun(context, handle, { type: "parked", reason: "paused", detail: "Paused by a person." });
      return "over";
    case "timeout": {
      const secs = context.config.process.default_timeout_secs;
      const message = `The run took longer than its time limit of ${secs} s (process.default_timeout_secs).`;
      endRun(context, handle, { type: "failed", error: { kind: "timeout", message } });
      return "over";
    }
    case "runtime": {
      const detail = `The task has used its time limit of ${run.spec.limits.maxRuntimeSecs} s.`;
      endRun(context, handle, { type: "parked", reason: "limit_reached", detail });
      return "over";
    }
    case "question": {
      const detail =
        "The agent's question waits for an answer; the task goes on in the same session when it comes.";
      endRun(context, handle, { type: "parked", reason: "question", detail });
      return "over";
    }
    case "cancel":
    case "lost":
      abandonRun(context, handle);
      return "over";
    case "shutdown":
      return "over";
    case "fence":
      return await waitForServer(context, handle);
  }
}

async function keepWork(context: RunContext, handle: RunHandle, reason: StopReason): Promise<void> {
  try {
    const place = handle.place ?? (await findPlace(context, handle));
    if (reason === "lost") await place?.rescue(WORDS[reason]);
    else await place?.checkpoint(WORDS[reason]);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    context.log.error(
      { err: error, runId: handle.run.spec.runId },
      "the work of a stopped run could not be checkpointed",
    );
    const text = `The work could not be checkpointed: ${why} It is still in ${handle.place?.tree.path ?? "its worktree"}.`;
    tell(context, handle, entry(context, "notice", text, { isError: true }));
  }
}

const WORDS: Record<StopReason, string> = {
  pause: "when the task was paused",
  cancel: "when the task was cancelled",
  lost: "when the run was no longer this daemon's",
  fence: "when the server was out of reach",
  shutdown: "when the daemon stopped",
  timeout: "at the time limit",
  runtime: "at the time limit of the task",
  question: "while a question waits",
};

/** The server was out of reach too long: nothing runs until it says whose the run is. */
async function waitForServer(context: RunContext, handle: RunHandle): Promise<"over" | "again"> {
  const text = "The server was out of reach for too long; the agent is stopped until it answers again.";
  tell(context, handle, entry(context, "notice", text, { isError: true }));
  const waiting = new AbortController();
  try {
    if (handle.stopReason === "fence") {
      const wait = { signal: waiting.signal };
      await Promise.race([once(handle, "resumed", wait), once(handle, "stop", wait)]);
    }
  } finally {
    waiting.abort();
  }
  const now = handle.stopReason;
  return now === undefined || now === "fence" ? "again" : await settleStop(context, handle, now);
}
