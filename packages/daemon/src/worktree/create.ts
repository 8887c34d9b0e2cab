/**
 * Makes a task's worktree. It can be killed at any step and called again: the record says `making` before
 * anything is done and `made` when all is done, and what a killed call left is thrown away and made anew.
 * The files are checked out with the daemon's own git directory, so that no filter of anybody's config runs.
 */
import { lstat, mkdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { GitError, isGitError } from "../git/error.ts";
import { moveRefs, readRef, requireBranchName, requireRefPart, type RefMove } from "../git/refs.ts";
import type { Store } from "../git/store.ts";
import { copyFilesInto } from "./copy-files.ts";
import { bringDependencies, type DependencyMode } from "./dependencies.ts";
import { OWN_FILES } from "./exclude.ts";
import { dropLinked } from "./linked.ts";
import { makeFiles } from "./make-files.ts";
import {
  findTaskTree,
  readRecord,
  stateOf,
  writeRecord,
  type Isolation,
  type TaskTree,
  type WorktreePaths,
} from "./task-tree.ts";
import { deleteTree } from "./trash.ts";

export interface CreateWorktree {
  readonly paths: WorktreePaths;
  readonly taskId: string;
  readonly store: Store;
  /** Branch of the task, e.g. `makima/login-page/add-form-1a2b3c4d`. */
  readonly branch: string;
  readonly baseCommit: string;
  readonly baseBranch?: string | undefined;
  readonly isolation: Isolation;
  /** Checkpoint to start the files from: of an earlier run elsewhere, or of another task. */
  readonly from?: { readonly commit: string; readonly head: string } | undefined;
  /** Take a branch that exists already: of an earlier run of this task. Else it is `branch_exists`. */
  readonly reuseBranch?: boolean;
  /** Name of the folder; default the task's id. */
  readonly directory?: string;
  /** Files of the source checkout that git does not track, relative to its top. */
  readonly copyFiles: readonly string[];
  readonly dependencies: DependencyMode;
  /** Checkout that `copyFiles` and dependency folders come from; default the store's own. */
  readonly source?: string | undefined;
  readonly signal?: AbortSignal;
}

export interface CreatedWorktree {
  readonly tree: TaskTree;
  /** False when it was there already, whole. */
  readonly created: boolean;
  /** Sentences for the person: what was left out and why. */
  readonly notes: readonly string[];
}

/** Returns the worktree, made if need be. Throws `branch_exists`, `path_taken`, `partial_clone`. */
export async function createWorktree(request: CreateWorktree): Promise<CreatedWorktree> {
  const { paths, taskId, signal } = request;
  requireRefPart(taskId);
  const there = await findTaskTree(paths, taskId);
  if (there !== undefined) return { tree: there, created: false, notes: [] };
  const plan = planTree(request);
  await requireFreePath(paths, plan);
  const head = await reserveBranch(request, plan);
  await clearHalfMade(request, plan);
  const root = plan.isolation === "worktree" ? plan.path : join(paths.worktreesDir, ".new", taskId);
  const { baseBranch, from } = request;
  const tree = await makeFiles({
    tree: plan,
    root,
    head,
    baseBranch,
    from: from?.commit,
    storeKind: request.store.kind,
    signal,
  });
  const source = request.source ?? request.store.checkout;
  const notes = [
    ...(await copyFilesInto({ files: request.copyFiles, source, target: root })),
    ...(await bringDependencies({ mode: request.dependencies, source, target: root, tree, signal })),
  ];
  // The rename comes last: `made` with no folder is made anew, a folder with `making` cannot be.
  await writeRecord(paths, { state: "made", tree });
  if (root !== tree.path) await rename(root, tree.path);
  return { tree, created: true, notes };
}

function planTree(request: CreateWorktree): TaskTree {
  const { paths, taskId, store, isolation } = request;
  const path = join(paths.worktreesDir, requireRefPart(request.directory ?? taskId));
  return {
    taskId,
    path,
    gitDir: join(stateOf(paths, taskId), "git"),
    store: store.gitDir,
    objectFormat: store.objectFormat,
    isolation,
    // Of a linked worktree git chooses it; put right when it is made.
    agentGitDir: join(path, ".git"),
    branch: requireBranchName(request.branch),
    baseCommit: request.baseCommit,
    excluded: [...new Set([...OWN_FILES, ...request.copyFiles])],
  };
}

/**
 * Makes branch and hidden base ref in the store, all or none, after the record says whose they are. Returns
 * the branch's commit.
 */
async function reserveBranch(request: CreateWorktree, tree: TaskTree): Promise<string> {
  const { paths, signal } = request;
  const ref = `refs/heads/${tree.branch}`;
  const record = await readRecord(paths, tree.taskId);
  const ours = record?.tree.branch === tree.branch && record.tree.store === tree.store;
  const existing = await readRef(tree.store, ref, signal);
  if (existing !== undefined && !ours && !request.reuseBranch) throw branchExists(tree.branch, tree.store);
  await writeRecord(paths, { state: "making", tree });
  const moves: RefMove[] = [{ ref: `refs/makima/base/${tree.taskId}`, to: tree.baseCommit, from: "any" }];
  const head = existing ?? request.from?.head ?? request.baseCommit;
  if (existing === undefined) moves.push({ ref, to: head, from: "absent" });
  await moveRefs(tree.store, moves, { reason: "makima: start", signal }).catch((error: unknown) => {
    throw isGitError(error, "moved_on") ? branchExists(tree.branch, tree.store) : error;
  });
  return head;
}

function branchExists(branch: string, store: string): GitError {
  return new GitError(
    "branch_exists",
    `The branch ${branch} exists already in ${store}. Delete or rename it, or give the task another name.`,
    { ref: `refs/heads/${branch}`, path: store },
  );
}

/** The record says `making`, so no agent has been in there: what lies around is scrap of a killed call. */
async function clearHalfMade(request: CreateWorktree, tree: TaskTree): Promise<void> {
  const { paths, taskId, signal } = request;
  await deleteTree(join(paths.worktreesDir, ".new", taskId));
  await deleteTree(tree.gitDir);
  await mkdir(paths.worktreesDir, { recursive: true });
  if (tree.isolation === "worktree") await dropLinked(tree, signal);
}

/** Whatever lies at the path without a record of this task is somebody's, and stays. */
async function requireFreePath(paths: WorktreePaths, tree: TaskTree): Promise<void> {
  if ((await lstat(tree.path).catch(() => undefined)) === undefined) return;
  const record = await readRecord(paths, tree.taskId);
  // A linked worktree is made in place, so a killed call leaves it there.
  if (tree.isolation === "worktree" && record?.state === "making" && record.tree.path === tree.path) return;
  throw new GitError(
    "path_taken",
    `${tree.path} is in the way of a new worktree, and makima has no record of it. Look into it, then move it elsewhere or remove it.`,
    { path: tree.path },
  );
}
