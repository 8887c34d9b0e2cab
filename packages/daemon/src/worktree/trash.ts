/**
 * Deleting folders out of the way: renamed at once, deleted in the background. The trash lies on the same
 * disk as the worktrees, so that the rename is one step.
 */
import { randomUUID } from "node:crypto";
import { chmod, lstat, mkdir, readdir, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";

/** Name of the trash folder below the worktrees' folder. */
export const TRASH = ".trash";

/**
 * Renames a folder into the trash. Returns what deletes it, for the caller to call and to track; what is not
 * deleted because the daemon ended is deleted by `emptyTrash` on its next start. A folder that is gone is
 * no error.
 */
export async function moveToTrash(path: string, worktreesDir: string): Promise<() => Promise<void>> {
  const trash = join(worktreesDir, TRASH);
  await mkdir(trash, { recursive: true });
  const target = join(trash, `${basename(path).slice(0, 80)}-${randomUUID()}`);
  try {
    await rename(path, target);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return async () => {};
    throw error;
  }
  return () => deleteTree(target);
}

/** Deletes what earlier runs of the daemon left in the trash. */
export async function emptyTrash(worktreesDir: string, signal?: AbortSignal): Promise<void> {
  const trash = join(worktreesDir, TRASH);
  for (const name of await readdir(trash).catch(() => [])) {
    signal?.throwIfAborted();
    await deleteTree(join(trash, name));
  }
}

/** Deletes a folder without following links; folders that forbid writing (a Go module cache) too. */
export async function deleteTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EACCES" && code !== "EPERM" && code !== "ENOTEMPTY") throw error;
    await makeWritable(path);
    await rm(path, { recursive: true, force: true });
  }
}

async function makeWritable(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (!found?.isDirectory()) return;
  await chmod(path, 0o700).catch(() => {});
  for (const name of await readdir(path).catch(() => [])) await makeWritable(join(path, name));
}
