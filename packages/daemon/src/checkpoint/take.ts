/**
 * Takes a checkpoint: the whole worktree as a commit on a ref of its own, in the store, so that nothing is
 * lost when the worktree goes. The agent's HEAD, index and branch are not touched. Only one runs per task.
 */
import { createHash } from "node:crypto";
import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { copyObjects } from "../git/copy-objects.ts";
import { GitError } from "../git/error.ts";
import { gitText } from "../git/git.ts";
import type { KeyedLock } from "../git/keyed-lock.ts";
import { listRefs, moveRefs, treeOf } from "../git/refs.ts";
import type { TaskTree } from "../worktree/task-tree.ts";
import { bringBranch } from "./bring-branch.ts";
import { diffStats, type DiffStats } from "./diff.ts";
import { identity, MAKIMA } from "./identity.ts";
import { importAgentCommits } from "./import-commits.ts";
import { SPECIAL, type Omitted } from "./list-changes.ts";
import { snapshotNested, type NestedSnapshot } from "./nested.ts";
import { checkpointMessage, checkpointRef, knownOfTask, type CheckpointRecord } from "./record.ts";
import { writeSnapshotTree } from "./snapshot-tree.ts";

export interface TakeCheckpoint {
  readonly tree: TaskTree;
  readonly message: string;
  readonly locks: KeyedLock;
  /** Time written into the commit; default now. */
  readonly at?: Date;
  /** Larger files are left out and listed. Default 100 MiB. */
  readonly maxFileBytes?: number;
  /** Answer with the last checkpoint when nothing changed since. Default false: always a new one. */
  readonly skipUnchanged?: boolean;
  /** Ref to write instead of the task's next checkpoint: a rescue. */
  readonly ref?: string;
  readonly signal?: AbortSignal | undefined;
}

export interface Checkpoint {
  readonly n: number;
  readonly ref: string;
  readonly commit: string;
  readonly tree: string;
  /** Commit that the agent's branch is at. */
  readonly head: string;
  readonly message: string;
  readonly at: Date;
  readonly changedSinceBase: DiffStats;
  /** Whether the files differ from those of the last checkpoint, or of the base when there is none. */
  readonly changedSinceLast: boolean;
  /** False when nothing had changed and `skipUnchanged` was set. */
  readonly created: boolean;
  /** `path: why`, for each that was left out, and what else the person should know. */
  readonly omitted: readonly string[];
  /** Those of them whose content is in no ref: too large, not readable, a damaged `.git`. */
  readonly unsaved: readonly string[];
}

const DEFAULT_MAX_FILE_BYTES = 100 * 1024 * 1024;

/** Throws `worktree_gone`, or `git_failed` when the disk is full or the store is not there. */
export async function takeCheckpoint(request: TakeCheckpoint): Promise<Checkpoint> {
  const { tree, locks, signal } = request;
  return locks.run(`task:${tree.taskId}`, () => take(request), signal);
}

async function take(request: TakeCheckpoint): Promise<Checkpoint> {
  const { tree, signal, message, at = new Date() } = request;
  await requireWorktree(tree);
  const maxFileBytes = request.maxFileBytes ?? DEFAULT_MAX_FILE_BYTES;
  const who = { author: MAKIMA, at };
  const { last, commits: known } = await knownOfTask(tree.store, tree, signal);
  const agent = await importAgentCommits(tree, known, signal);
  const head = agent.head ?? last?.head ?? tree.baseCommit;
  const files = await writeSnapshotTree({
    gitDir: tree.gitDir,
    workTree: tree.path,
    index: join(tree.gitDir, "index"),
    seed: last?.commit ?? head,
    head,
    maxFileBytes,
    excluded: tree.excluded,
    signal,
  });
  const nested = await snapshotNested({ tree, paths: files.nested, maxFileBytes, who, signal });
  const before = last?.tree ?? (await treeOf(tree.store, tree.baseCommit, signal));
  const nestedKey = keyOf(nested.snapshots);
  const changedSinceLast = files.tree !== before || nestedKey !== (last?.nested ?? "");
  const left = [
    ...files.omitted,
    ...nested.omitted,
    ...nested.snapshots.flatMap((snapshot) => snapshot.omitted),
  ];
  const rest = {
    changedSinceLast,
    head,
    omitted: [...left.map(wordOmitted), ...agent.notes],
    unsaved: [...left.filter(({ why }) => why !== SPECIAL).map(wordOmitted), ...agent.notes],
  };
  const others = agent.others.size > 0 && !(await allKept(tree, agent.others.values(), signal));
  const isNews = changedSinceLast || head !== (last?.head ?? tree.baseCommit) || others;
  if (request.skipUnchanged && !isNews) {
    const same = last ?? baseAsCheckpoint(tree, before, at);
    return { ...same, ...rest, changedSinceBase: await statsOf(tree, same.commit, signal), created: false };
  }
  const n = (last?.n ?? 0) + 1;
  const ref = request.ref ?? checkpointRef(tree.taskId, n);
  const commit = await gitText(["commit-tree", files.tree, ...parents(tree, last, head), "-F", "-"], {
    gitDir: tree.gitDir,
    signal,
    env: identity(who),
    input: checkpointMessage(message, { taskId: tree.taskId, n, head, nested: nestedKey }),
  });
  const wants = [commit, ...agent.others.values(), ...nested.snapshots.map((snapshot) => snapshot.commit)];
  await copyObjects({ from: tree.gitDir, to: tree.store, wants, haves: known, signal });
  const moves = [
    { ref, to: commit, from: "absent" },
    ...nested.snapshots.map((snapshot, i) => ({
      ref: `refs/makima/nested/${tree.taskId}/${n}/${i + 1}`,
      to: snapshot.commit,
      from: "any",
    })),
    ...[...new Set(agent.others.values())].map((id) => ({
      ref: `refs/makima/agent/${tree.taskId}/${id}`,
      to: id,
      from: "any",
    })),
  ];
  await moveRefs(tree.store, moves, { reason: "makima: checkpoint", signal });
  // A rescue is the work of somebody who may not own the task any more: its branch is not theirs to move.
  const branchNote =
    request.ref === undefined ? await bringBranch(tree, { head, keptBy: commit, signal }) : undefined;
  const omitted = branchNote === undefined ? rest.omitted : [...rest.omitted, branchNote];
  const changedSinceBase = await statsOf(tree, commit, signal);
  return { n, ref, commit, tree: files.tree, message, at, ...rest, omitted, changedSinceBase, created: true };
}

async function requireWorktree(tree: TaskTree): Promise<void> {
  const found = await lstat(tree.path).catch(() => undefined);
  if (found?.isDirectory()) return;
  throw new GitError(
    "worktree_gone",
    `The worktree ${tree.path} is gone. Start the task again; it goes on from its last checkpoint.`,
    { path: tree.path },
  );
}

/** The agent's commits become ancestors once; later checkpoints reach them through the earlier ones. */
function parents(tree: TaskTree, last: CheckpointRecord | undefined, head: string): string[] {
  const first = last?.commit ?? tree.baseCommit;
  const known = last?.head ?? tree.baseCommit;
  return head === known || head === first ? ["-p", first] : ["-p", first, "-p", head];
}

function statsOf(tree: TaskTree, commit: string, signal: AbortSignal | undefined): Promise<DiffStats> {
  return diffStats({ gitDir: tree.gitDir, from: tree.baseCommit, to: commit, signal });
}

function keyOf(snapshots: readonly NestedSnapshot[]): string {
  if (snapshots.length === 0) return "";
  const all = snapshots.map(({ path, tree }) => `${path}\0${tree}`).sort();
  return createHash("sha256").update(all.join("\0")).digest("hex");
}

function wordOmitted({ path, why }: Omitted): string {
  return `${Buffer.from(path, "latin1").toString("utf8")}: ${why}`;
}

/** Whether the agent's other branches were kept by an earlier checkpoint. */
async function allKept(tree: TaskTree, ids: Iterable<string>, signal?: AbortSignal): Promise<boolean> {
  const prefix = `refs/makima/agent/${tree.taskId}/`;
  const kept = new Set((await listRefs(tree.store, prefix, signal)).map(({ commit }) => commit));
  return [...ids].every((id) => kept.has(id));
}

/** Number 0: an untouched worktree is its base commit. */
function baseAsCheckpoint(tree: TaskTree, treeId: string, at: Date): CheckpointRecord {
  const ref = `refs/makima/base/${tree.taskId}`;
  const { baseCommit: commit } = tree;
  return { n: 0, ref, commit, tree: treeId, head: commit, message: "start", at, nested: "" };
}
