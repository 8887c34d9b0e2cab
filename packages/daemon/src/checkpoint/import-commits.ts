/**
 * Brings the commits that an agent made into the daemon's own git directory. The agent's `.git` is read as
 * files; no git runs in it. Whatever is wrong with it is a note, never an error: the files are snapshotted
 * all the same.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { readAgentRefs, readSmall, type AgentRefs } from "../git/agent-refs.ts";
import { alternatesVariable, hasOnlyAlternates } from "../git/alternates.ts";
import { copyObjects } from "../git/copy-objects.ts";
import { isGitError } from "../git/error.ts";
import { isObjectId, readRef } from "../git/refs.ts";
import { linkedGitDir } from "../worktree/linked.ts";
import type { TaskTree } from "../worktree/task-tree.ts";

export interface ImportedCommits {
  /** Commit that the agent's HEAD names, when it could be brought over. */
  readonly head: string | undefined;
  /** Branch that the agent has checked out. */
  readonly headBranch: string | undefined;
  /** The agent's branches and stash, other than the task's own branch. */
  readonly others: ReadonlyMap<string, string>;
  readonly notes: readonly string[];
}

const NOTHING = { head: undefined, headBranch: undefined, others: new Map<string, string>() };

/** `haves`: commits that the store has. */
export async function importAgentCommits(
  tree: TaskTree,
  haves: readonly string[],
  signal?: AbortSignal,
): Promise<ImportedCommits> {
  if (tree.isolation === "worktree") return readLinked(tree, signal);
  const refs = await readAgentRefs(tree.agentGitDir);
  if (refs === undefined) {
    return {
      ...NOTHING,
      notes: [".git: is gone, damaged or a link; commits made since the last checkpoint are not in it"],
    };
  }
  const why = await distrust(tree.agentGitDir, tree.store);
  if (why !== undefined) return { ...NOTHING, notes: [`.git: ${why}; its commits were not taken over`] };
  return importRefs({
    refs,
    objects: join(tree.agentGitDir, "objects"),
    gitDir: tree.gitDir,
    haves,
    branch: tree.branch,
    signal,
  });
}

export interface ImportRefs {
  readonly refs: AgentRefs;
  /** The agent's object store. */
  readonly objects: string;
  /** Git directory of the daemon's own that they are copied into. */
  readonly gitDir: string;
  readonly haves: readonly string[];
  readonly branch: string;
  readonly signal?: AbortSignal | undefined;
}

/** All at once; when that fails (one damaged branch), HEAD alone, so that it does not take HEAD with it. */
export async function importRefs(request: ImportRefs): Promise<ImportedCommits> {
  const { refs, gitDir, haves, branch, signal } = request;
  const others = new Map<string, string>();
  for (const [ref, id] of refs.refs) {
    const own = ref.startsWith("refs/heads/") || ref === "refs/stash";
    if (own && ref !== `refs/heads/${branch}` && !haves.includes(id)) others.set(ref, id);
  }
  const branchHead = refs.refs.get(`refs/heads/${branch}`);
  if (branchHead !== undefined && branchHead !== refs.head) others.set(`refs/heads/${branch}`, branchHead);
  const copy = async (wants: readonly (string | undefined)[]): Promise<void> => {
    const alternates = alternatesVariable([request.objects]);
    const missing = wants.filter((id) => id !== undefined && !haves.includes(id)) as string[];
    await copyObjects({ from: gitDir, alternates, to: gitDir, wants: missing, haves, signal });
  };
  const { head, headBranch } = refs;
  try {
    await copy([head, ...others.values()]);
    return { head, headBranch, others, notes: [] };
  } catch (error) {
    if (!isGitError(error)) throw error;
  }
  try {
    await copy([head]);
    return {
      head,
      headBranch,
      others: new Map(),
      notes: [".git: branches other than the checked-out one are damaged"],
    };
  } catch (error) {
    if (!isGitError(error)) throw error;
    return {
      ...NOTHING,
      notes: [
        `.git: its commits are damaged and were not taken over (${error.facts.stderr?.trim().slice(0, 200) ?? error.code})`,
      ],
    };
  }
}

/** Why the object store may hold what is not the agent's. */
export async function distrust(gitDir: string, store: string): Promise<string | undefined> {
  if (!(await hasOnlyAlternates(gitDir, [join(store, "objects")])))
    return "reads objects from another repository";
  const objects = join(gitDir, "objects");
  for (const folder of [objects, join(objects, "pack"), join(objects, "info")]) {
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
    if (entries.some((entry) => !entry.isDirectory() && !entry.isFile()))
      return "has links among its objects";
  }
  return undefined;
}

/** A linked worktree's commits are in the store already. */
async function readLinked(tree: TaskTree, signal?: AbortSignal): Promise<ImportedCommits> {
  const gitDir = (await linkedGitDir(tree)) ?? tree.agentGitDir;
  const text = (await readSmall(join(gitDir, "HEAD"), 4096))?.trim() ?? "";
  const ref = /^ref: (refs\/heads\/(.+))$/.exec(text);
  const named = ref?.[1] ?? (isObjectId(text) ? text : `refs/heads/${tree.branch}`);
  const head = await readRef(tree.store, named, signal);
  return { head, headBranch: ref?.[2], others: new Map(), notes: [] };
}
