/**
 * After a crash of the daemon: what became of the process that it left behind.
 *
 * The process is ended if it still runs and can be proved to be ours; then what it wrote and the journal does
 * not have is taken over. If it had come to its result, the turn counts as if nothing had happened; else it was cut
 * off, which is nobody's iteration.
 */
import { claude } from "../agent/claude/adapter.ts";
import { recoverOutput } from "../agent/recover-output.ts";
import { saveRun } from "../journal/runs.ts";
import { endOrphan } from "../process/end-orphan.ts";
import { RUN_MARKER, sweep } from "../process/sweep.ts";
import { entry, tell, type RunContext } from "./context.ts";
import type { RunHandle } from "./handle.ts";
import { redactorFor } from "./launch.ts";
import { RunStopped } from "./run-error.ts";
import { storeBatch } from "./store-batch.ts";
import type { TurnEnd } from "./turn.ts";

/** undefined: there is nothing to recover. */
export async function recoverTurn(
  context: RunContext,
  handle: RunHandle,
): Promise<TurnEnd | "cut off" | undefined> {
  const { run } = handle;
  const record = run.progress.process;
  if (!record) return undefined;
  if (record.pid !== undefined && record.pidStart !== undefined) {
    await endOrphan({ pid: record.pid, startTime: record.pidStart }, run.spec.runId);
  } else {
    // Killed between the start and the note of it: the process is known by the run's marker alone.
    await sweep({ name: RUN_MARKER, value: run.spec.runId });
  }
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
  delete run.progress.process;
  if (run.progress.loop && facts?.sessionId === undefined) run.progress.loop.resumeSession = record.resumed;
  saveRun(context.journal, run);
  if (facts && facts.pending.length > 0) throw new RunStopped("question");
  if (facts?.result && !facts.result.isError) {
    return {
      exit: { code: 0, signal: null, facts, undelivered: [], swept: [], notes: [] },
      startedAt: record.startedAt,
      durationMs: Math.max(0, Math.round(context.now() - Date.parse(record.startedAt))),
    };
  }
  const text = "The daemon was restarted in the middle of a turn; the agent goes on in the same session.";
  tell(context, handle, entry(context, "notice", text));
  return "cut off";
}
