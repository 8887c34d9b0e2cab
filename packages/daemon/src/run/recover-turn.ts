/**
 * After a crash of the daemon: what became of the process that it left behind.
 *
 * The process is ended if it still runs and can be proved to be ours; then what it wrote and the journal does
 * not have is taken over. If it had come to its result, the turn counts as if nothing had happened; else it was cut
 * off, which is nobody's iteration.
 */
import { claude } from "../agent/claude/adapter.ts";
import { recoverOutput } from "../agent/recover-output.ts";
import { endOrphan } from "../process/end-orphan.ts";
import { RUN_MARKER, sweep } from "../process/sweep.ts";
import { entry, reportAndSave, type RunContext } from "./context.ts";
import type { RunHandle } from "./handle.ts";
import { redactorFor } from "./launch.ts";
import { storeBatch } from "./store-batch.ts";
import type { TurnEnd } from "./turn.ts";
import { countCutOff } from "./usage.ts";

/**
 * undefined: there is nothing to recover. `asked`: it ended while a question waited. The record of a turn that came
 * to its end is kept until that is judged, so that a daemon that dies once more finds it again.
 */
export async function recoverTurn(
  context: RunContext,
  handle: RunHandle,
): Promise<TurnEnd | "cut off" | "asked" | undefined> {
  const { run } = handle;
  const record = run.progress.process;
  if (record?.pid !== undefined && record.pidStart !== undefined) {
    await endOrphan({ pid: record.pid, startTime: record.pidStart }, run.spec.runId);
  } else {
    // Setup and checks, and an agent that was started and not noted, are known by the run's marker alone.
    await sweep({ name: RUN_MARKER, value: run.spec.runId });
  }
  if (!record) return undefined;
  const redactor = redactorFor(context, handle);
  const facts = await recoverOutput({
    adapter: claude,
    folder: record.spoolDir,
    from: run.offsets,
    onEvents: (batch) => storeBatch(context, handle, redactor, batch),
  }).catch((error: NodeJS.ErrnoException) => {
    // It was planned and never started, or its spool was gone with a disk: there is nothing to take over.
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  handle.questions.clear();
  if (run.progress.loop && facts?.sessionId === undefined) run.progress.loop.resumeSession = record.resumed;
  if (facts && facts.pending.length > 0) return "asked";
  if (facts?.result && !facts.result.isError) {
    return {
      exit: { code: 0, signal: null, facts, undelivered: [], swept: [], notes: [] },
      startedAt: record.startedAt,
      durationMs: Math.max(0, Math.round(context.now() - Date.parse(record.startedAt))),
    };
  }
  delete run.progress.process;
  if (facts) countCutOff(handle, facts);
  const text = "The daemon was restarted in the middle of a turn; the agent goes on in the same session.";
  const entries = [entry(context, "notice", text)];
  reportAndSave(context, handle, { type: "output", ...handle.name, entries });
  return "cut off";
}
