/** Deletes a task's branch, but never a commit that is nowhere else. */
import { listCheckpoints } from "../checkpoint/record.ts";
import { isGitError } from "../git/error.ts";
import { isAncestor, listRefs, moveRefs, readRef } from "../git/refs.ts";
import { listLinked } from "./linked.ts";
import type { TaskTree } from "./task-tree.ts";

/**
 * Returns why the branch was kept; undefined when it is gone. A commit counts as kept when a checkpoint, a
 * rescue, the base, or another branch reaches it.
 */
export async function deleteTaskBranch(
  tree: TaskTree,
  savedCommit: string | undefined,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const ref = `refs/heads/${tree.branch}`;
  const commit = await readRef(tree.store, ref, signal);
  if (commit === undefined) return undefined;
  const keepers = [
    savedCommit,
    tree.baseCommit,
    (await listCheckpoints(tree.store, tree.taskId, signal)).at(-1)?.commit,
  ];
  if (!(await isKept(tree, commit, ref, keepers, signal))) {
    return `The branch ${tree.branch} was kept, because its commits are nowhere else.`;
  }
  const holder = (await listLinked(tree.store, signal)).find((entry) => entry.ref === ref);
  if (holder !== undefined)
    return `The branch ${tree.branch} was kept, because it is checked out in ${holder.path}.`;
  try {
    await moveRefs(tree.store, [{ ref, to: undefined, from: commit }], {
      reason: "makima: clean-up",
      signal,
    });
    return undefined;
  } catch (error) {
    if (!isGitError(error)) throw error;
    return `The branch ${tree.branch} was kept: ${error.message}`;
  }
}

async function isKept(
  tree: TaskTree,
  commit: string,
  ref: string,
  keepers: readonly (string | undefined)[],
  signal?: AbortSignal,
): Promise<boolean> {
  for (const keeper of keepers) {
    if (keeper !== undefined && (await isAncestor(tree.store, commit, keeper, signal))) return true;
  }
  for (const prefix of ["refs/heads/", "refs/remotes/", "refs/makima/"]) {
    for (const other of await listRefs(tree.store, prefix, signal)) {
      if (other.ref !== ref && other.commit === commit) return true;
    }
  }
  return false;
}
