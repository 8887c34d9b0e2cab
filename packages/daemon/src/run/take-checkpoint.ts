/** Checkpoints of one run: taken one at a time, reported once each, never a reason for the run to fail. */
import { takeCheckpoint, type Checkpoint } from "../checkpoint/take.ts";
import { saveRun } from "../journal/runs.ts";
import type { TaskTree } from "../worktree/task-tree.ts";
import { entry, type RunContext } from "./context.ts";
import type { RunHandle } from "./handle.ts";

export type TakenCheckpoint = Checkpoint;

export interface Checkpoints {
  checkpoint(message: string, force?: boolean): Promise<TakenCheckpoint>;
  readonly last: TakenCheckpoint | undefined;
}

export function checkpointsOf(context: RunContext, handle: RunHandle, tree: TaskTree): Checkpoints {
  let last: TakenCheckpoint | undefined;
  return {
    get last() {
      return last;
    },
    async checkpoint(message, force = false) {
      const taken = await takeCheckpoint({ tree, message, locks: context.locks, skipUnchanged: !force });
      last = taken;
      reportOnce(context, handle, taken);
      return taken;
    },
  };
}

/** One that was taken before a crash and not reported is reported now. */
function reportOnce(context: RunContext, handle: RunHandle, taken: TakenCheckpoint): void {
  const { loop } = handle.run.progress;
  if (loop && loop.checkpoints >= taken.n) return;
  if (loop) loop.checkpoints = taken.n;
  const { files, insertions, deletions } = taken.changedSinceBase;
  const short = taken.commit.slice(0, 10);
  const left = taken.omitted.length > 0 ? `; ${taken.omitted.length} left out` : "";
  const text = `checkpoint ${taken.n} "${taken.message}" ${short}: ${files} files, +${insertions} −${deletions}${left}`;
  context.outbox.add([
    {
      type: "checkpointTaken",
      ...handle.name,
      n: taken.n,
      ref: taken.ref,
      commit: taken.commit,
      message: taken.message,
      at: taken.at.toISOString(),
      files,
      insertions,
      deletions,
      omitted: [...taken.omitted].slice(0, 200),
      pushed: false,
    },
    { type: "output", ...handle.name, entries: [entry(context, "checkpoint", text)] },
  ]);
  saveRun(context.journal, handle.run);
}
