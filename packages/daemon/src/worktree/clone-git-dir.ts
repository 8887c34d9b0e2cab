/**
 * The `.git` of an isolated worktree: what `git clone --shared --no-checkout` makes, but with the branch
 * that the task works on, and without a remote. Refs, stash, index and config are the agent's own; the
 * store is only read, through alternates.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { writeAlternates } from "../git/alternates.ts";
import { runGit } from "../git/git.ts";
import { copyShallow } from "../git/own-git-dir.ts";
import { listRefs } from "../git/refs.ts";
import { writeExclude } from "./exclude.ts";

export interface CloneGitDir {
  /** Folder of the new worktree; exists. */
  readonly root: string;
  readonly store: string;
  readonly storeKind: "local" | "remote" | "managed";
  readonly objectFormat: "sha1" | "sha256";
  readonly branch: string;
  readonly head: string;
  readonly baseCommit: string;
  /** A local branch of this name is made at the base commit, so that `git diff <base>` works. */
  readonly baseBranch: string | undefined;
  readonly excluded: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

/** Makes `.git` in `root`, without an index: the caller copies the one of its own checkout there. */
export async function makeCloneGitDir(request: CloneGitDir): Promise<void> {
  const { root, store, objectFormat, branch, head, signal } = request;
  const gitDir = join(root, ".git");
  await runGit(
    [
      "init",
      "-q",
      "--template=",
      `--object-format=${objectFormat}`,
      `--initial-branch=${branch}`,
      "--end-of-options",
      root,
    ],
    { cwd: root, signal },
  );
  await writeAlternates(gitDir, [join(store, "objects")]);
  await copyShallow(store, gitDir);
  await writeExclude(gitDir, request.excluded);
  await writeFile(join(gitDir, "packed-refs"), await packedRefs(request));
  const ref = join(gitDir, "refs", "heads", branch);
  await mkdir(dirname(ref), { recursive: true });
  await writeFile(ref, `${head}\n`);
}

/** The store's branches as `origin/…`, its tags, and the base branch; git sorts the file by itself. */
async function packedRefs(request: CloneGitDir): Promise<string> {
  const { store, storeKind, baseBranch, baseCommit, branch, signal } = request;
  const refs = new Map<string, string>();
  const prefix = storeKind === "remote" ? "refs/remotes/origin/" : "refs/heads/";
  for (const { ref, commit } of await listRefs(store, ["refs/tags/", prefix], signal)) {
    const name = ref.slice(prefix.length);
    if (!ref.startsWith(prefix)) refs.set(ref, commit);
    else if (name !== "HEAD" && name !== branch) refs.set(`refs/remotes/origin/${name}`, commit);
  }
  if (baseBranch !== undefined && baseBranch !== branch) refs.set(`refs/heads/${baseBranch}`, baseCommit);
  return [...refs].map(([ref, commit]) => `${commit} ${ref}\n`).join("");
}
