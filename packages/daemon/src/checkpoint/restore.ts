/**
 * Brings the files of a worktree back to a checkpoint. What is there now is checkpointed first; the agent's
 * HEAD, index and branch stay. Ignored files and nested repositories stay as they are.
 */
import { lstat } from "node:fs/promises";
import { GitError } from "../git/error.ts";
import { fields, runGit } from "../git/git.ts";
import type { KeyedLock } from "../git/keyed-lock.ts";
import { requireCommit } from "../git/refs.ts";
import type { TaskTree } from "../worktree/task-tree.ts";
import { onDisk, type RawPath } from "./list-changes.ts";
import { takeCheckpoint, type Checkpoint } from "./take.ts";

export interface RestoreCheckpoint {
  readonly tree: TaskTree;
  /** Ref or commit of the checkpoint, in the store. */
  readonly to: string;
  readonly locks: KeyedLock;
  readonly at?: Date;
  readonly maxFileBytes?: number;
  readonly signal?: AbortSignal;
}

export interface Restored {
  /** Where the files as they were before can be found. */
  readonly saved: Checkpoint;
  readonly commit: string;
}

/**
 * Call it while no agent runs in the worktree. Throws `snapshot_failed` when a file that no checkpoint can
 * hold would be overwritten; then nothing has changed.
 */
export async function restoreCheckpoint(request: RestoreCheckpoint): Promise<Restored> {
  const { tree, signal, to, ...rest } = request;
  const commit = await requireCommit(tree.store, to, signal);
  const message = `before going back to ${commit.slice(0, 12)}`;
  const saved = await takeCheckpoint({ ...rest, tree, signal, message, skipUnchanged: true });
  await request.locks.run(`task:${tree.taskId}`, () => bringBack(request, saved, commit), signal);
  return { saved, commit };
}

async function bringBack(
  { tree, signal }: RestoreCheckpoint,
  saved: Checkpoint,
  commit: string,
): Promise<void> {
  const options = { gitDir: tree.gitDir, workTree: tree.path, signal };
  // After the checkpoint the index is the worktree, but for what could not be read into it.
  const { stdout } = await runGit(["ls-files", "-z", "--modified"], options);
  const unsaved = fields(stdout, "latin1");
  const inTheWay = await wouldBeLost(tree, saved.commit, commit, new Set(unsaved), signal);
  if (inTheWay.length > 0) {
    const names = inTheWay.map((path) => Buffer.from(path, "latin1").toString("utf8"));
    throw new GitError(
      "snapshot_failed",
      `Going back to ${commit.slice(0, 12)} would overwrite files that no checkpoint holds: ${names.slice(0, 20).join(", ")}. Move them elsewhere and try again.`,
      { path: tree.path, files: names },
    );
  }
  const input = Buffer.from(unsaved.map((path) => `${path}\0`).join(""), "latin1");
  const mark = (how: string): Promise<unknown> =>
    unsaved.length === 0
      ? Promise.resolve()
      : runGit(["update-index", how, "-z", "--stdin"], { ...options, input });
  await mark("--skip-worktree");
  try {
    await runGit(["read-tree", "--reset", "-u", commit], options);
  } finally {
    await mark("--no-skip-worktree");
  }
}

/** Files that the checkpoint would write where something lies that the last checkpoint does not hold. */
async function wouldBeLost(
  tree: TaskTree,
  from: string,
  to: string,
  unsaved: ReadonlySet<RawPath>,
  signal?: AbortSignal,
): Promise<RawPath[]> {
  const args = ["diff-tree", "-r", "-z", "--name-status", "--no-renames", from, to, "--"];
  const listed = fields((await runGit(args, { gitDir: tree.gitDir, signal })).stdout, "latin1");
  const lost: RawPath[] = [];
  for (let at = 0; at + 1 < listed.length; at += 2) {
    const [status, path] = [listed[at] as string, listed[at + 1] as string];
    if (unsaved.has(path)) lost.push(path);
    else if (status === "A") {
      const found = await lstat(onDisk(tree.path, path)).catch(() => undefined);
      if (found !== undefined && !found.isDirectory()) lost.push(path);
    }
  }
  return lost;
}
