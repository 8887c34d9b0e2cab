/**
 * Puts the files of a new worktree on disk, with the daemon's own git directory and config, and gives the
 * agent a git directory whose index matches them.
 */
import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { GitError, isGitError, shellWord } from "../git/error.ts";
import { runGit } from "../git/git.ts";
import { requireOwnGitDir } from "../git/own-git-dir.ts";
import { makeCloneGitDir } from "./clone-git-dir.ts";
import { writeExclude } from "./exclude.ts";
import { makeLinked } from "./linked.ts";
import type { TaskTree } from "./task-tree.ts";

export interface MakeFiles {
  readonly tree: TaskTree;
  /** Where the files go now; a clone is renamed to `tree.path` when it is whole. */
  readonly root: string;
  /** Commit of the task's branch. */
  readonly head: string;
  readonly baseBranch: string | undefined;
  /** Checkpoint whose files stand in the worktree as uncommitted changes. */
  readonly from: string | undefined;
  readonly storeKind: "local" | "remote" | "managed";
  readonly signal?: AbortSignal | undefined;
}

/** Returns the tree with the git directory that the agent got. Throws `partial_clone`. */
export async function makeFiles(request: MakeFiles): Promise<TaskTree> {
  const { root, head, from, signal } = request;
  let tree = request.tree;
  const linked = tree.isolation === "worktree";
  if (linked) tree = { ...tree, agentGitDir: await makeLinked(tree, signal) };
  else await mkdir(root, { recursive: true });
  // One is not awaited while the other fails: both are settled before an error is passed on.
  const done = await Promise.allSettled([
    checkout(tree, root, head, signal),
    linked ? undefined : makeCloneGitDir({ ...request, ...tree, root, head }),
  ]);
  for (const result of done) if (result.status === "rejected") throw result.reason;
  await copyFile(join(tree.gitDir, "index"), join(linked ? tree.agentGitDir : join(root, ".git"), "index"));
  if (from !== undefined && from !== head) await readTree(tree, root, from, signal);
  return tree;
}

async function checkout(tree: TaskTree, root: string, commit: string, signal?: AbortSignal): Promise<void> {
  await requireOwnGitDir({ ...tree, signal });
  await writeExclude(tree.gitDir, tree.excluded);
  await readTree(tree, root, commit, signal);
}

async function readTree(tree: TaskTree, root: string, commit: string, signal?: AbortSignal): Promise<void> {
  try {
    await runGit(["read-tree", "--reset", "-u", commit], { gitDir: tree.gitDir, workTree: root, signal });
  } catch (error) {
    if (!isGitError(error, "git_failed") || !(await isPartial(tree.store, signal))) throw error;
    const command = `git -C ${shellWord(tree.store)} fetch --refetch --no-filter`;
    throw new GitError(
      "partial_clone",
      `The repository ${tree.store} was cloned without all of its files, so a worktree cannot be made from it. Fetch the rest: ${command}`,
      { path: tree.store, command },
      error,
    );
  }
}

async function isPartial(store: string, signal?: AbortSignal): Promise<boolean> {
  const args = ["config", "--get-regexp", "^(extensions\\.partialclone|remote\\..*\\.promisor)$"];
  return (await runGit(args, { gitDir: store, signal, okCodes: [0, 1] })).exitCode === 0;
}
