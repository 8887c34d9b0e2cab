/** Checkpoints of one run: taken one at a time, reported once each, never a reason for the run to fail. */
import { pushRef } from "../completion/push.ts";
import type { Report } from "@makima/protocol/daemon-wire";
import { GitError } from "../git/error.ts";
import type { Store } from "../git/store.ts";
import type { CheckpointRecord } from "../checkpoint/record.ts";
import { takeCheckpoint, type Checkpoint } from "../checkpoint/take.ts";
import type { TaskTree } from "../worktree/task-tree.ts";
import { entry, reportAndSave, tell, type RunContext } from "./context.ts";
import type { RunHandle } from "./handle.ts";

export type TakenCheckpoint = Checkpoint;
export type KnownCheckpoint = Pick<CheckpointRecord, "commit" | "tree" | "head" | "at" | "message">;

export interface Checkpoints {
  checkpoint(message: string): Promise<TakenCheckpoint>;
  /** Keeps the work on a ref of the run's own, without touching the task's branch: the task may be another's. */
  rescue(message: string): Promise<TakenCheckpoint>;
  /** The newest one, also from before this run. */
  readonly last: KnownCheckpoint | undefined;
}

export function checkpointsOf(
  context: RunContext,
  handle: RunHandle,
  tree: TaskTree,
  store: Store,
  before: KnownCheckpoint | undefined,
): Checkpoints {
  let last = before;
  const take = async (message: string, ref?: string): Promise<TakenCheckpoint> => {
    const taken = await takeCheckpoint({
      tree,
      message,
      locks: context.locks,
      skipUnchanged: ref === undefined,
      ...(ref === undefined ? {} : { ref }),
    });
    const pushed = await push(context, handle, store, taken);
    reportOnce(context, handle, taken, pushed, ref !== undefined);
    return taken;
  };
  return {
    get last() {
      return last;
    },
    async checkpoint(message) {
      const taken = await take(message);
      // Number 0 is the base commit.
      if (taken.n > 0) last = taken;
      return taken;
    },
    rescue: (message) => take(message, `refs/makima/rescue/${tree.taskId}/${handle.run.spec.runId}`),
  };
}

/** Where the configuration wants it, another daemon can reach the checkpoint too. One that is not pushed is still one. */
async function push(
  context: RunContext,
  handle: RunHandle,
  store: Store,
  taken: TakenCheckpoint,
): Promise<boolean> {
  if (!context.config.worktree.push_checkpoints || !taken.created) return false;
  try {
    await pushRef({ store, ref: taken.ref, allowFileUrls: context.config.worktree.file_urls });
    return true;
  } catch (error) {
    if (!(error instanceof GitError)) throw error;
    const text = `Checkpoint ${taken.n} was not pushed: ${error.message}`;
    tell(context, handle, entry(context, "notice", text, { isError: true }));
    return false;
  }
}

/** One that was taken before a crash and not reported is reported now. */
function reportOnce(
  context: RunContext,
  handle: RunHandle,
  taken: TakenCheckpoint,
  pushed: boolean,
  rescue: boolean,
): void {
  const { loop } = handle.run.progress;
  if (!loop && !taken.created) return;
  const before = loop?.checkpoints;
  if (loop && !rescue) {
    if (loop.checkpoints >= taken.n) return;
    loop.checkpoints = taken.n;
  }
  const { files, insertions, deletions } = taken.changedSinceBase;
  const short = taken.commit.slice(0, 10);
  const left = taken.omitted.length > 0 ? `; ${taken.omitted.length} left out` : "";
  const text = `checkpoint ${taken.n} "${taken.message}" ${short}: ${files} ${files === 1 ? "file" : "files"}, +${insertions} −${deletions}${left}`;
  const reports: Report[] = [
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
      pushed,
    },
    { type: "output", ...handle.name, entries: [entry(context, "checkpoint", text)] },
  ];
  try {
    reportAndSave(context, handle, ...reports);
  } catch (error) {
    // Not stored is not reported.
    if (loop && before !== undefined) loop.checkpoints = before;
    throw error;
  }
}
