/** Gives the checks' checkout its dependencies: copies, never links into an agent's tree. */
import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { AUTO_LIMIT, bringOne, type DependencyMode } from "./dependencies.ts";
import { measureTree } from "./copy-tree.ts";
import { findDependencyFolders } from "./dependency-folders.ts";
import { lockFingerprint } from "./lockfiles.ts";
import { deleteTree } from "./trash.ts";

/** A dependency folder that a later check of the same task may use as it is. */
export interface KeptFolder {
  /** Relative to the checkout's top. */
  readonly path: string;
  readonly from: "setup" | "source";
  readonly fingerprint: string;
}

export interface CheckDependencies {
  readonly path: string;
  readonly gitDir: string;
  readonly source: string | undefined;
  readonly task: { readonly path: string };
  readonly dependencies: DependencyMode;
  readonly hasSetup: boolean;
  readonly kept: readonly KeptFolder[];
  readonly signal?: AbortSignal | undefined;
}

export interface FoundDependencies {
  readonly dependencies: "setup" | "copied from source" | "copied from task" | "none";
  readonly folders: readonly KeptFolder[];
  readonly notes: readonly string[];
}

/** The checkout is at its commit and clean but for `kept`. */
export async function checkDependencies(request: CheckDependencies): Promise<FoundDependencies> {
  const { path, source, task, dependencies, hasSetup, signal } = request;
  if (hasSetup) return { dependencies: "setup", folders: await keepForSetup(request), notes: [] };
  if (dependencies === "none") {
    for (const folder of request.kept) await deleteTree(join(path, folder.path));
    return { dependencies: "none", folders: [], notes: [] };
  }
  const notes: string[] = [];
  const folders: KeptFolder[] = [];
  const done = new Map<string, "source" | "task">();
  if (source !== undefined) {
    for (const folder of await listFolders(request, source, notes)) {
      const fingerprint = await lockFingerprint(path, folder);
      if (fingerprint !== (await lockFingerprint(source, folder))) continue;
      const kept = request.kept.some(
        (one) => one.path === folder && one.from === "source" && one.fingerprint === fingerprint,
      );
      if (kept || (await bring(request, folder, source, notes))) {
        done.set(folder, "source");
        folders.push({ path: folder, from: "source", fingerprint });
      }
    }
  }
  for (const folder of request.kept) {
    if (!done.has(folder.path)) await deleteTree(join(path, folder.path));
  }
  for (const folder of await listFolders(request, task.path, notes)) {
    signal?.throwIfAborted();
    if (!done.has(folder) && (await bring(request, folder, task.path, notes))) done.set(folder, "task");
  }
  const from = new Set(done.values());
  const word = from.has("task") ? "copied from task" : from.has("source") ? "copied from source" : "none";
  return { dependencies: word, folders, notes: [...new Set(notes)] };
}

/** Folders that can be copied; a note for each that cannot. */
async function listFolders(request: CheckDependencies, workTree: string, notes: string[]): Promise<string[]> {
  const { gitDir, signal } = request;
  const found = await findDependencyFolders({ gitDir, workTree, signal });
  for (const { path, boundToPath } of found) {
    if (boundToPath)
      notes.push(
        `${path} was left out, because its scripts name the folder they were made in; [worktree] setup makes it anew.`,
      );
  }
  return found.filter((folder) => !folder.boundToPath).map((folder) => folder.path);
}

async function bring(
  request: CheckDependencies,
  folder: string,
  from: string,
  notes: string[],
): Promise<boolean> {
  const { path, dependencies, signal } = request;
  if (dependencies === "auto") {
    const size = await measureTree(join(from, folder), AUTO_LIMIT, signal);
    if (size.files > AUTO_LIMIT.files || size.bytes > AUTO_LIMIT.bytes) {
      notes.push(`${folder} was left out, because it is over the limit of dependencies = "auto".`);
      return false;
    }
  }
  await deleteTree(join(path, folder));
  const why = await bringOne(folder, from, path, signal);
  if (why !== undefined) notes.push(`${folder} was left out: ${why}.`);
  return why === undefined;
}

/** What an earlier setup installed stays while the lockfiles are the same; setup itself comes after this. */
async function keepForSetup({ path, kept }: CheckDependencies): Promise<KeptFolder[]> {
  const still: KeptFolder[] = [];
  for (const folder of kept) {
    const same = folder.from === "setup" && folder.fingerprint === (await lockFingerprint(path, folder.path));
    if (same && (await lstat(join(path, folder.path)).catch(() => undefined)) !== undefined)
      still.push(folder);
    else await deleteTree(join(path, folder.path));
  }
  return still;
}
