/** One entry in the worktree's progress log at the end of an iteration. */
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { formatProgress } from "@makima/core/progress-log";
import { changedFiles } from "../checkpoint/diff.ts";
import { entry, tell, type RunContext } from "./context.ts";
import type { RunHandle } from "./handle.ts";
import type { Judgement } from "./judge.ts";
import type { Workplace } from "./launch.ts";
import type { TakenCheckpoint } from "./take-checkpoint.ts";
import { progressOf } from "./words.ts";

interface Iteration {
  judgement: Judgement;
  checkpoint: TakenCheckpoint;
  /** When its turn began, RFC 3339. */
  since: string;
}

export async function addProgress(
  context: RunContext,
  handle: RunHandle,
  place: Workplace,
  { judgement, checkpoint, since }: Iteration,
): Promise<void> {
  const { spec } = handle.run;
  if (!spec.options.progressLog.enabled) return;
  // After a crash in between, the turn is judged anew and its entry may stand there already.
  const there = await progressOf(place.tree.path);
  if (there.some((one) => one.taskId === spec.taskShortId && one.at >= since)) return;
  const { type } = judgement.decision.verdict;
  const changed = await changedFiles({
    gitDir: place.tree.gitDir,
    from: place.tree.baseCommit,
    to: checkpoint.commit,
  });
  const text = formatProgress({
    at: new Date(context.now()).toISOString(),
    taskId: spec.taskShortId,
    taskName: spec.taskName,
    status: type === "done" ? "done" : type === "fail" ? "failed" : "not ready",
    filesChanged: changed.map((file) => file.path),
    learnings: judgement.gate?.learnings ?? [],
  });
  try {
    // The agent may have put a link there; what it points to is not ours to write.
    const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
    const flags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK;
    const file = await open(join(place.tree.path, "progress.log"), flags, 0o644);
    try {
      await file.write(text);
    } finally {
      await file.close();
    }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    tell(
      context,
      handle,
      entry(context, "notice", `progress.log could not be written: ${why}`, { isError: true }),
    );
  }
}
