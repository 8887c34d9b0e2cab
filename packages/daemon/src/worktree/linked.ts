/**
 * Worktrees that share the repository's own `.git` (`isolation = "worktree"`), for who wants them: the
 * agent then can reach stash, config, hooks and branches of the person's repository.
 */
import { realpath } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { readSmall } from "../git/agent-refs.ts";
import { GitError } from "../git/error.ts";
import { fields, runGit } from "../git/git.ts";
import type { TaskTree } from "./task-tree.ts";
import { deleteTree } from "./trash.ts";

/** Links an empty worktree on the task's branch, which exists. Returns its git directory in the store. */
export async function makeLinked(tree: TaskTree, signal?: AbortSignal): Promise<string> {
  await runGit(["worktree", "add", "--quiet", "--no-checkout", "--", tree.path, tree.branch], {
    gitDir: tree.store,
    signal,
  });
  const gitDir = await linkedGitDir(tree);
  if (gitDir !== undefined) return gitDir;
  throw new GitError(
    "git_failed",
    `git made no linked worktree at ${tree.path}. Try again, or use isolation = "clone".`,
    {
      path: tree.path,
    },
  );
}

/** Git directory that the worktree's `.git` file names, when that is one of the store's. */
export async function linkedGitDir(tree: TaskTree): Promise<string | undefined> {
  const text = await readSmall(join(tree.path, ".git"), 8192);
  const named = /^gitdir: ([^]+?)\n?$/.exec(text ?? "")?.[1];
  if (named === undefined) return undefined;
  const gitDir = await realpath(resolve(tree.path, named)).catch(() => undefined);
  const home = await realpath(join(tree.store, "worktrees")).catch(() => undefined);
  return gitDir !== undefined && home !== undefined && dirname(gitDir) === home ? gitDir : undefined;
}

/** Unlinks the worktree and deletes its folder. What is not there is no error. */
export async function dropLinked(tree: TaskTree, signal?: AbortSignal): Promise<void> {
  const listed = await listLinked(tree.store, signal);
  await deleteTree(tree.path);
  if (!listed.some((entry) => entry.path === tree.path)) return;
  await runGit(["worktree", "remove", "--force", "--force", "--", tree.path], { gitDir: tree.store, signal });
}

export interface CheckedOut {
  readonly path: string;
  /** Full ref of the branch; undefined when detached or bare. */
  readonly ref: string | undefined;
}

/** All checkouts of a repository, the main one among them. */
export async function listLinked(store: string, signal?: AbortSignal): Promise<CheckedOut[]> {
  const { stdout } = await runGit(["worktree", "list", "--porcelain", "-z"], { gitDir: store, signal });
  const found: CheckedOut[] = [];
  let entry: { path: string; ref: string | undefined } | undefined;
  for (const field of fields(stdout, "utf8")) {
    if (field.startsWith("worktree ")) {
      const path = field.slice("worktree ".length);
      entry = { path: path.endsWith(sep) && path !== sep ? path.slice(0, -1) : path, ref: undefined };
      found.push(entry);
    } else if (entry !== undefined && field.startsWith("branch ")) {
      entry.ref = field.slice("branch ".length);
    }
  }
  return found;
}
