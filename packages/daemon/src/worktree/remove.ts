/**
 * The one function that removes a worktree. What it holds is first in a ref of the store: the task's next
 * checkpoint, or a rescue ref where that cannot be written. What cannot be kept is not removed. The dry run
 * and the real one come from the same decision.
 */
import { lstat, realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { takeCheckpoint, type Checkpoint } from "../checkpoint/take.ts";
import { GitError, isGitError, shellWord } from "../git/error.ts";
import { runGit } from "../git/git.ts";
import type { KeyedLock } from "../git/keyed-lock.ts";
import { deleteTaskBranch } from "./delete-branch.ts";
import { listLinked } from "./linked.ts";
import { readRecord, stateOf, type TaskTree, type TreeRecord, type WorktreePaths } from "./task-tree.ts";
import { deleteTree, moveToTrash } from "./trash.ts";

export interface RemoveWorktree {
  readonly paths: WorktreePaths;
  readonly taskId: string;
  /** Whether a run of the task is going on: looked at again right before the folder moves. */
  readonly isRunning: (taskId: string) => boolean;
  /** Delete the branch too, if every commit of it is kept by another ref. */
  readonly deleteBranch: boolean;
  /** Remove although files are in it that no ref can hold (too large, not readable). Default false. */
  readonly discardUnsaved?: boolean;
  /** Keep the work on `refs/makima/rescue/…` rather than as the task's checkpoint: of an orphan. */
  readonly rescue?: boolean;
  readonly at?: Date;
  readonly locks: KeyedLock;
  readonly signal?: AbortSignal;
}

export type RemovalDecision =
  | { readonly action: "gone"; readonly taskId: string }
  | { readonly action: "refuse"; readonly taskId: string; readonly path: string; readonly because: string }
  | { readonly action: "remove"; readonly taskId: string; readonly path: string; readonly tree: TaskTree };

export interface Removal {
  readonly decision: RemovalDecision;
  /** Where the work is kept; undefined when there was nothing that the store did not have. */
  readonly saved: { readonly ref: string; readonly commit: string } | undefined;
  readonly branchDeleted: boolean;
  readonly notes: readonly string[];
  /** The deletion of the files, in the background. The caller tracks it; a failure is only untidy. */
  readonly deleted: Promise<void>;
}

/** What `removeWorktree` would do now. */
export async function decideRemoval(
  request: Pick<RemoveWorktree, "paths" | "taskId" | "isRunning">,
): Promise<RemovalDecision> {
  const { paths, taskId } = request;
  const record = await readRecord(paths, taskId);
  if (record === undefined) return { action: "gone", taskId };
  const { path } = record.tree;
  const refuse = (because: string): RemovalDecision => ({ action: "refuse", taskId, path, because });
  if (request.isRunning(taskId)) return refuse("its task is running");
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return { action: "gone", taskId };
  if (!found.isDirectory()) return refuse("it is not a folder");
  if (!(await isDirectlyIn(path, paths.worktreesDir))) return refuse(`it is not in ${paths.worktreesDir}`);
  return { action: "remove", taskId, path, tree: record.tree };
}

/** A worktree that is gone already is success. Throws `snapshot_failed` when its work could not be kept. */
export async function removeWorktree(request: RemoveWorktree): Promise<Removal> {
  const { locks, taskId, signal } = request;
  return locks.run(`remove:${taskId}`, () => remove(request), signal);
}

async function remove(request: RemoveWorktree): Promise<Removal> {
  const { paths, taskId, signal } = request;
  const record = await readRecord(paths, taskId);
  const decision = await decideRemoval(request);
  const nothing = { decision, saved: undefined, branchDeleted: false, notes: [], deleted: Promise.resolve() };
  if (decision.action === "refuse") return nothing;
  if (decision.action === "gone")
    return record === undefined ? nothing : { ...nothing, ...(await forget(request, record)) };
  const { tree, path } = decision;
  const saved = record?.state === "making" ? undefined : await save(request, tree);
  if (saved !== undefined && saved.unsaved.length > 0 && !request.discardUnsaved) throw unsaved(tree, saved);
  if (request.isRunning(taskId)) {
    return { ...nothing, decision: { action: "refuse", taskId, path, because: "its task has started" } };
  }
  signal?.throwIfAborted();
  const empty = await moveToTrash(path, paths.worktreesDir);
  const rest = await forget(request, { state: "made", tree }, saved?.commit);
  // Not before: deleting many files slows down everything else on the disk.
  const deleted = empty();
  deleted.catch(() => {});
  return {
    ...rest,
    decision,
    saved: saved?.created ? { ref: saved.ref, commit: saved.commit } : undefined,
    deleted,
  };
}

/** The folder is gone: what refers to it goes too. */
async function forget(request: RemoveWorktree, { tree }: TreeRecord, savedCommit?: string) {
  const notes: string[] = [];
  const { signal } = request;
  if (tree.isolation === "worktree") await unlink(tree, signal);
  let branchDeleted = false;
  if (request.deleteBranch) {
    const why = await deleteTaskBranch(tree, savedCommit, signal);
    branchDeleted = why === undefined;
    if (why !== undefined) notes.push(why);
  }
  // A worktree without a record is an orphan, one with it is a task's: the record goes last.
  await deleteTree(stateOf(request.paths, tree.taskId));
  return { branchDeleted, notes };
}

async function unlink(tree: TaskTree, signal?: AbortSignal): Promise<void> {
  const listed = await listLinked(tree.store, signal).catch(() => []);
  if (!listed.some((entry) => entry.path === tree.path)) return;
  await runGit(["worktree", "remove", "--force", "--force", "--", tree.path], { gitDir: tree.store, signal });
}

async function save(request: RemoveWorktree, tree: TaskTree): Promise<Checkpoint> {
  const { locks, signal, at = new Date() } = request;
  const rescueRef = `refs/makima/rescue/${tree.taskId}/${at.toISOString().replaceAll(/[-:.]/g, "")}`;
  const take = (ref?: string): Promise<Checkpoint> => {
    const message = ref === undefined ? "before its worktree is removed" : `rescued from ${tree.path}`;
    return takeCheckpoint({
      tree,
      message,
      at,
      locks,
      signal,
      skipUnchanged: true,
      ...(ref === undefined ? {} : { ref }),
    });
  };
  if (request.rescue) return take(rescueRef).catch((error: unknown) => keepIt(tree, error));
  return take().catch((error: unknown) => {
    if (!isGitError(error)) throw error;
    return take(rescueRef).catch((again: unknown) => keepIt(tree, again));
  });
}

function keepIt(tree: TaskTree, cause: unknown): never {
  if (!isGitError(cause)) throw cause;
  throw new GitError(
    "snapshot_failed",
    `The worktree ${tree.path} was not removed, because its work could not be kept: ${cause.message} If you do not need it, remove it by hand: rm -rf -- ${shellWord(tree.path)}`,
    { path: tree.path },
    cause,
  );
}

function unsaved(tree: TaskTree, saved: Checkpoint): GitError {
  return new GitError(
    "snapshot_failed",
    `The worktree ${tree.path} was not removed, because no ref can hold some of it: ${saved.unsaved.slice(0, 10).join("; ")}. Move that elsewhere and try again, or remove it with the option to discard it.`,
    { path: tree.path, files: saved.unsaved },
  );
}

/** By real path: neither the folder nor the root may be reached through a link. */
async function isDirectlyIn(path: string, root: string): Promise<boolean> {
  const [real, realRoot] = await Promise.all([
    realpath(path).catch(() => undefined),
    realpath(root).catch(() => undefined),
  ]);
  if (real === undefined || realRoot === undefined || basename(real).startsWith(".")) return false;
  return dirname(real) === realRoot && join(realRoot, basename(path)) === real;
}
