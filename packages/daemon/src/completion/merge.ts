/**
 * Merges a task's branch into a target branch without a checkout. The target moves by compare-and-swap, or
 * not at all. Where it is checked out by a person, that checkout is brought along by fast-forward if it is
 * clean; else nothing is done and the error names the command that finishes it by hand.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { changedFiles } from "../checkpoint/diff.ts";
import { identity, type Person } from "../checkpoint/identity.ts";
import { GitError, shellWord } from "../git/error.ts";
import { fields, gitText, runGit } from "../git/git.ts";
import type { KeyedLock } from "../git/keyed-lock.ts";
import { fetchMirror } from "../git/mirror.ts";
import { requireOwnGitDir, writingInto } from "../git/own-git-dir.ts";
import { isAncestor, moveRefs, requireBranchName, requireCommit } from "../git/refs.ts";
import type { Store } from "../git/store.ts";
import type { WorktreePaths } from "../worktree/task-tree.ts";
import { fastForwardCheckout, findCheckout, requireCleanCheckout } from "./fast-forward.ts";
import { pushCommit } from "./push.ts";

export interface MergeBranch {
  readonly paths: WorktreePaths;
  readonly store: Store;
  /** Branch of the store, or a commit. */
  readonly source: string;
  /** Branch that it goes into: of the store, or of the remote that the store mirrors. */
  readonly target: string;
  readonly message: string;
  readonly author: Person;
  readonly committer?: Person;
  readonly at?: Date;
  /** Make a merge commit even where the target could just move forward. Default false. */
  readonly alwaysCommit?: boolean;
  readonly allowFileUrls?: boolean;
  readonly locks: KeyedLock;
  readonly signal?: AbortSignal;
}

export interface Merged {
  readonly how: "merged" | "fast_forward" | "already";
  readonly target: string;
  /** Where the target now is. */
  readonly commit: string;
  /** Where it was; the same as `commit` when it was merged already. */
  readonly previous: string;
  readonly changedFiles: readonly string[];
  /** Checkout of a person that was brought along. */
  readonly checkout?: string;
}

/**
 * Twice is once: a second call answers `already`. Throws `conflict` with the files, `dirty_checkout`,
 * `moved_on`, `no_such_revision` or `remote_failed`; then nothing has changed.
 */
export async function mergeBranch(request: MergeBranch): Promise<Merged> {
  requireBranchName(request.target);
  return request.locks.run(`merge:${request.store.gitDir}`, () => merge(request), request.signal);
}

async function merge(request: MergeBranch): Promise<Merged> {
  const { store, target, signal } = request;
  const gitDir = store.gitDir;
  if (store.kind === "remote") await refresh(request);
  const ref = targetRef(store, target);
  const source = await requireCommit(gitDir, request.source, signal);
  const previous = await requireCommit(gitDir, ref, signal);
  if (await isAncestor(gitDir, source, previous, signal)) {
    return { how: "already", target, commit: previous, previous, changedFiles: [] };
  }
  const checkout = store.kind === "remote" ? undefined : await findCheckout(gitDir, ref, signal);
  if (checkout !== undefined)
    await requireCleanCheckout({ checkout, source: request.source, target, signal });
  const forward = !request.alwaysCommit && (await isAncestor(gitDir, previous, source, signal));
  const commit = forward ? source : await mergeCommit(request, previous, source);
  if (checkout !== undefined)
    await fastForwardCheckout({ checkout, commit, source: request.source, target, signal });
  else if (store.kind === "remote")
    await pushCommit({ ...request, commit, branch: target, expected: previous });
  else await moveRefs(gitDir, [{ ref, to: commit, from: previous }], { reason: "makima: merge", signal });
  const files = await changedFiles({ gitDir, from: previous, to: commit, signal });
  return {
    how: forward ? "fast_forward" : "merged",
    target,
    commit,
    previous,
    changedFiles: files.map(({ path }) => path),
    ...(checkout === undefined ? {} : { checkout: checkout.path }),
  };
}

/** Where the target is when it has the source in it; undefined when it was not merged yet. */
export async function findMerged(
  request: Pick<MergeBranch, "store" | "source" | "target" | "allowFileUrls" | "signal">,
): Promise<string | undefined> {
  const { store, signal } = request;
  if (store.kind === "remote") await refresh(request);
  const source = await requireCommit(store.gitDir, request.source, signal);
  const target = await requireCommit(store.gitDir, targetRef(store, request.target), signal);
  return (await isAncestor(store.gitDir, source, target, signal)) ? target : undefined;
}

/** Files that would conflict; empty when the merge would go through. Changes nothing. */
export async function findConflicts(
  request: Pick<MergeBranch, "paths" | "store" | "source" | "target" | "signal">,
): Promise<readonly string[]> {
  const { store, signal } = request;
  const source = await requireCommit(store.gitDir, request.source, signal);
  const target = await requireCommit(store.gitDir, targetRef(store, request.target), signal);
  return (await mergeTree(request, target, source)).conflicts;
}

function refresh(request: Pick<MergeBranch, "store" | "allowFileUrls" | "signal">): Promise<void> {
  const { store, allowFileUrls = false, signal } = request;
  return fetchMirror({ gitDir: store.gitDir, url: store.url ?? "", allowFileUrls, signal });
}

function targetRef(store: Store, target: string): string {
  return store.kind === "remote" ? `refs/remotes/origin/${target}` : `refs/heads/${target}`;
}

async function mergeCommit(request: MergeBranch, previous: string, source: string): Promise<string> {
  const { store, target, author, committer, at, message, signal } = request;
  const { tree, conflicts, gitDir } = await mergeTree(request, previous, source);
  if (conflicts.length > 0) {
    const command = `git switch ${shellWord(target)} && git merge ${shellWord(request.source)}`;
    const shown = conflicts.slice(0, 20).join(", ") + (conflicts.length > 20 ? ", …" : "");
    throw new GitError(
      "conflict",
      `${request.source} and ${target} changed the same lines of ${conflicts.length} file(s): ${shown}. Nothing was merged. Hand the conflict to an agent, or resolve it by hand: ${command}`,
      { files: conflicts, command, path: store.gitDir },
    );
  }
  return gitText(["commit-tree", tree, "-p", previous, "-p", source, "-F", "-"], {
    gitDir,
    signal,
    env: { ...identity({ author, committer, at }), ...writingInto(store.gitDir) },
    input: message.endsWith("\n") ? message : `${message}\n`,
  });
}

/** Run with a git directory of the daemon's own: no merge driver of anybody's config is known there. */
async function mergeTree(
  { paths, store, signal }: Pick<MergeBranch, "paths" | "store" | "signal">,
  ours: string,
  theirs: string,
): Promise<{ tree: string; conflicts: readonly string[]; gitDir: string }> {
  const key = createHash("sha256").update(store.gitDir).digest("hex").slice(0, 16);
  const gitDir = join(paths.stateDir, ".merge", key);
  await requireOwnGitDir({ gitDir, store: store.gitDir, objectFormat: store.objectFormat, signal });
  const args = ["merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", ours, theirs];
  const env = writingInto(store.gitDir);
  const { stdout } = await runGit(args, { gitDir, signal, env, okCodes: [0, 1] });
  const [tree = "", ...conflicts] = fields(stdout, "utf8");
  return { tree, conflicts: [...new Set(conflicts.filter((file) => file !== ""))], gitDir };
}
