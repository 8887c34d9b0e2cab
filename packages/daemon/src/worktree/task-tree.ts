/**
 * The daemon's own record of a task's worktree: where it is, which store it belongs to, what of it is never
 * committed. It lives outside the worktree, beside the git directory that snapshots are made with.
 */
import { lstat, mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { requireRefPart } from "../git/refs.ts";

export interface WorktreePaths {
  /** Folder of the worktrees (`[worktree] base_dir`). */
  readonly worktreesDir: string;
  /** Folder of the daemon's own records and git directories; never inside a worktree. */
  readonly stateDir: string;
}

export type Isolation = "clone" | "worktree";

export interface TaskTree {
  readonly taskId: string;
  /** The worktree. */
  readonly path: string;
  /** Git directory of the daemon's own, with the index that snapshots are made with. */
  readonly gitDir: string;
  /** Git directory of the store. */
  readonly store: string;
  readonly objectFormat: "sha1" | "sha256";
  readonly isolation: Isolation;
  /** Git directory that the agent works with: hostile, never git's `--git-dir`. */
  readonly agentGitDir: string;
  readonly branch: string;
  readonly baseCommit: string;
  /** Paths that are left out of commits unless git tracks them: progress.log, prd.json, copied files. */
  readonly excluded: readonly string[];
}

export interface TreeRecord {
  /** `making` until the worktree is whole; an agent is only ever started in a `made` one. */
  readonly state: "making" | "made";
  readonly tree: TaskTree;
}

/** Folder of the daemon's record of one task. */
export function stateOf(paths: WorktreePaths, taskId: string): string {
  return join(paths.stateDir, requireRefPart(taskId));
}

/** Reads the record; undefined when there is none. A half-written one cannot exist. */
export async function readRecord(paths: WorktreePaths, taskId: string): Promise<TreeRecord | undefined> {
  const text = await readFile(join(stateOf(paths, taskId), "task.json"), "utf8").catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as TreeRecord);
}

export async function writeRecord(paths: WorktreePaths, record: TreeRecord): Promise<void> {
  const folder = stateOf(paths, record.tree.taskId);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "task.json.new"), JSON.stringify(record, undefined, 2));
  await rename(join(folder, "task.json.new"), join(folder, "task.json"));
}

/** The task's worktree when it is whole and on disk, else undefined. */
export async function findTaskTree(paths: WorktreePaths, taskId: string): Promise<TaskTree | undefined> {
  const record = await readRecord(paths, taskId);
  if (record?.state !== "made") return undefined;
  const found = await lstat(record.tree.path).catch(() => undefined);
  return found?.isDirectory() ? record.tree : undefined;
}

/** Records of all tasks, whole or not. */
export async function listRecords(paths: WorktreePaths): Promise<TreeRecord[]> {
  const names = await readdir(paths.stateDir).catch(() => []);
  const records: TreeRecord[] = [];
  for (const name of names) {
    const record = await readRecord(paths, name).catch(() => undefined);
    if (record !== undefined) records.push(record);
  }
  return records;
}
