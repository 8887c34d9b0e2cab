/** Worktrees on disk that no task claims. */
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { listRecords, type WorktreePaths } from "./task-tree.ts";

export interface Orphan {
  readonly path: string;
  /** Task it was made for; undefined when makima has no record of the folder, and so cannot remove it. */
  readonly taskId: string | undefined;
}

/** `claimed`: ids of all tasks whose worktree is wanted. */
export async function findOrphans(paths: WorktreePaths, claimed: ReadonlySet<string>): Promise<Orphan[]> {
  const records = new Map((await listRecords(paths)).map(({ tree }) => [tree.path, tree.taskId]));
  const orphans: Orphan[] = [];
  for (const name of (await readdir(paths.worktreesDir).catch(() => [])).sort()) {
    if (name.startsWith(".")) continue;
    const path = join(paths.worktreesDir, name);
    const taskId = records.get(path);
    if (taskId !== undefined && claimed.has(taskId)) continue;
    if ((await lstat(path).catch(() => undefined))?.isDirectory()) orphans.push({ path, taskId });
  }
  return orphans;
}
