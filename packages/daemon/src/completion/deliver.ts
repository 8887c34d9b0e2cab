/** Brings a task's branch into another repository of this host (`targetRepoPath`). */
import { copyObjects } from "../git/copy-objects.ts";
import { GitError } from "../git/error.ts";
import { fields, runGit } from "../git/git.ts";
import { isAncestor, listRefs, moveRefs, readRef, requireBranchName, requireCommit } from "../git/refs.ts";
import type { Store } from "../git/store.ts";

export interface DeliverBranch {
  readonly from: Store;
  readonly to: Store;
  readonly branch: string;
  readonly signal?: AbortSignal;
}

/**
 * Returns the commit that the branch has in both. A branch there moves only forward. Throws `moved_on` when
 * it has commits of its own there.
 */
export async function deliverBranch({ from, to, branch, signal }: DeliverBranch): Promise<string> {
  const ref = `refs/heads/${requireBranchName(branch)}`;
  const commit = await requireCommit(from.gitDir, ref, signal);
  if (from.gitDir === to.gitDir) return commit;
  const there = await readRef(to.gitDir, ref, signal);
  if (there === commit) return commit;
  const haves = await shared(from, to, signal);
  await copyObjects({ from: from.gitDir, to: to.gitDir, wants: [commit], haves, signal });
  if (there !== undefined && !(await isAncestor(to.gitDir, there, commit, signal))) {
    throw new GitError(
      "moved_on",
      `${branch} exists in ${to.gitDir} with commits of its own, so it was not moved. Rename it there and try again.`,
      { ref, path: to.gitDir },
    );
  }
  await moveRefs(to.gitDir, [{ ref, to: commit, from: there ?? "absent" }], {
    reason: "makima: deliver",
    signal,
  });
  return commit;
}

/** Commits of the receiver's branches that the sender has too. */
async function shared(from: Store, to: Store, signal?: AbortSignal): Promise<string[]> {
  const named = [
    ...(await listRefs(to.gitDir, "refs/heads/", signal)),
    ...(await listRefs(to.gitDir, "refs/remotes/", signal)),
  ];
  const ids = [...new Set(named.map(({ commit }) => commit))];
  if (ids.length === 0) return [];
  const { stdout } = await runGit(["cat-file", "--batch-check=%(objectname) %(objecttype)%00"], {
    gitDir: from.gitDir,
    signal,
    input: ids.join("\n"),
  });
  return fields(stdout, "utf8")
    .map((line) => line.trim().split(" "))
    .filter(([, type]) => type === "commit")
    .map(([id = ""]) => id);
}
