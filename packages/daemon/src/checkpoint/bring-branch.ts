/** Keeps the task's branch in the store where the agent's is, as long as nobody else has moved it. */
import { isGitError } from "../git/error.ts";
import { isAncestor, moveRefs, readRef } from "../git/refs.ts";
import { listLinked } from "../worktree/linked.ts";
import type { TaskTree } from "../worktree/task-tree.ts";

export interface BringBranch {
  readonly head: string;
  /** Commit in the store that keeps what the branch held before. */
  readonly keptBy: string;
  readonly signal?: AbortSignal | undefined;
}

/** Returns a sentence when the branch was left where it is. */
export async function bringBranch(tree: TaskTree, request: BringBranch): Promise<string | undefined> {
  const { head, keptBy, signal } = request;
  if (tree.isolation === "worktree") return undefined;
  const ref = `refs/heads/${tree.branch}`;
  const current = await readRef(tree.store, ref, signal);
  if (current === head || (current === undefined && head === tree.baseCommit)) return undefined;
  if (current !== undefined && !(await isAncestor(tree.store, current, keptBy, signal))) {
    return `${tree.branch}: has commits in ${tree.store} that are not the agent's, so it was not moved to ${head}`;
  }
  if ((await listLinked(tree.store, signal)).some((entry) => entry.ref === ref)) {
    return `${tree.branch}: is checked out in ${tree.store}, so it was not moved to ${head}`;
  }
  try {
    await moveRefs(tree.store, [{ ref, to: head, from: current ?? "absent" }], {
      reason: "makima: agent",
      signal,
    });
    return undefined;
  } catch (error) {
    if (!isGitError(error)) throw error;
    return `${tree.branch}: could not be moved to ${head} in ${tree.store} (${error.code})`;
  }
}
