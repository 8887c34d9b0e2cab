/**
 * The final commit: what the agent left uncommitted, as one commit on top of its own. Made from the last
 * checkpoint's tree, so that what is delivered is what was checked. Never an empty commit.
 */
import { changedFiles } from "../checkpoint/diff.ts";
import { identity, type Person } from "../checkpoint/identity.ts";
import { GitError, shellWord } from "../git/error.ts";
import { gitText } from "../git/git.ts";
import type { KeyedLock } from "../git/keyed-lock.ts";
import { writingInto } from "../git/own-git-dir.ts";
import { isAncestor, moveRefs, readRef, treeOf } from "../git/refs.ts";
import { listLinked } from "../worktree/linked.ts";
import type { TaskTree } from "../worktree/task-tree.ts";
import { bringAgentAlong } from "./bring-agent-along.ts";

export interface CommitLeftovers {
  readonly tree: TaskTree;
  /** The last checkpoint: its commit, its files, and where the agent's branch was. */
  readonly checkpoint: { readonly commit: string; readonly tree: string; readonly head: string };
  readonly message: string;
  readonly author: Person;
  readonly committer?: Person;
  readonly at?: Date;
  readonly locks: KeyedLock;
  readonly signal?: AbortSignal;
}

export interface Committed {
  /** Where the branch now is. */
  readonly commit: string;
  readonly branch: string;
  /** False when the agent had committed everything, or an earlier call had done it. */
  readonly created: boolean;
  /** Paths that differ between the base commit and the branch. */
  readonly changedFiles: readonly string[];
  readonly notes: readonly string[];
}

/**
 * Call it when the agent has ended. A second call after a crash finds what the first did and finishes it.
 * Throws `moved_on` when somebody else moved the branch, `dirty_checkout` when it is checked out elsewhere.
 */
export async function commitLeftovers(request: CommitLeftovers): Promise<Committed> {
  const { tree, locks, signal } = request;
  return locks.run(`task:${tree.taskId}`, () => commit(request), signal);
}

async function commit(request: CommitLeftovers): Promise<Committed> {
  const { tree, checkpoint, signal } = request;
  const { commit: final, created } = (await findCommitted(request)) ?? (await make(request));
  const note = await bringAgentAlong(tree, final, signal);
  const files = await changedFiles({ gitDir: tree.store, from: tree.baseCommit, to: final, signal });
  return {
    commit: final,
    branch: tree.branch,
    created: created && final !== checkpoint.head,
    changedFiles: files.map(({ path }) => path),
    notes: note === undefined ? [] : [note],
  };
}

/** The commit of an earlier call: same files, on top of the same commit. */
async function findCommitted(
  request: CommitLeftovers,
): Promise<{ commit: string; created: boolean } | undefined> {
  const { tree, checkpoint, signal } = request;
  const current = await readRef(tree.store, `refs/heads/${tree.branch}`, signal);
  if (current === undefined || current === checkpoint.head) return undefined;
  if ((await treeOf(tree.store, current, signal)) !== checkpoint.tree) return undefined;
  const parent = await readRef(tree.store, `${current}^`, signal);
  return parent === checkpoint.head ? { commit: current, created: false } : undefined;
}

async function make(request: CommitLeftovers): Promise<{ commit: string; created: boolean }> {
  const { tree, checkpoint, signal } = request;
  const ref = `refs/heads/${tree.branch}`;
  const current = await readRef(tree.store, ref, signal);
  if (current !== undefined && !(await isAncestor(tree.store, current, checkpoint.commit, signal))) {
    throw movedOn(tree);
  }
  await requireNotCheckedOut(tree, ref, signal);
  const final = await finalCommit(request);
  if (final !== current) {
    await moveRefs(tree.store, [{ ref, to: final, from: current ?? "absent" }], {
      reason: "makima: commit",
      signal,
    });
  }
  return { commit: final, created: true };
}

async function finalCommit(request: CommitLeftovers): Promise<string> {
  const { tree, checkpoint, author, committer, at, message, signal } = request;
  if ((await treeOf(tree.store, checkpoint.head, signal)) === checkpoint.tree) return checkpoint.head;
  return gitText(["commit-tree", checkpoint.tree, "-p", checkpoint.head, "-F", "-"], {
    gitDir: tree.gitDir,
    signal,
    env: { ...identity({ author, committer, at }), ...writingInto(tree.store) },
    input: message.endsWith("\n") ? message : `${message}\n`,
  });
}

async function requireNotCheckedOut(tree: TaskTree, ref: string, signal?: AbortSignal): Promise<void> {
  const holders = await listLinked(tree.store, signal);
  const other = holders.find((entry) => entry.ref === ref && entry.path !== tree.path);
  if (other === undefined) return;
  const command = `git -C ${shellWord(other.path)} switch --detach`;
  throw new GitError(
    "dirty_checkout",
    `${tree.branch} is checked out in ${other.path}, so makima does not move it. Leave the branch there and try again: ${command}`,
    { path: other.path, ref, command },
  );
}

function movedOn(tree: TaskTree): GitError {
  const command = `git -C ${shellWord(tree.store)} log ${shellWord(tree.branch)}`;
  return new GitError(
    "moved_on",
    `${tree.branch} in ${tree.store} has commits that are not this task's, so makima does not move it. Look at them, rename the branch and try again: ${command}`,
    { ref: tree.branch, path: tree.store, command },
  );
}
