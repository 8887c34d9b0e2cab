/** Brings the ignored dependency folders of the source checkout into a new worktree, by copy. */
import { lstat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { copyTree, measureTree } from "./copy-tree.ts";
import { makeFolders } from "./copy-files.ts";
import { findDependencyFolders } from "./dependency-folders.ts";
import type { TaskTree } from "./task-tree.ts";

/** `auto` copies up to `AUTO_LIMIT`; `copy` without a limit. */
export type DependencyMode = "auto" | "copy" | "none";

export const AUTO_LIMIT = { bytes: 2 * 1024 ** 3, files: 200_000 } as const;

export interface BringDependencies {
  readonly mode: DependencyMode;
  readonly source: string | undefined;
  readonly target: string;
  readonly tree: Pick<TaskTree, "gitDir">;
  readonly limit?: { readonly bytes: number; readonly files: number };
  readonly signal?: AbortSignal | undefined;
}

/** Returns sentences about what was left out. What cannot be copied is no error: `setup` makes it. */
export async function bringDependencies(request: BringDependencies): Promise<string[]> {
  const { mode, source, target, tree, signal } = request;
  if (mode === "none" || source === undefined) return [];
  const folders = await findDependencyFolders({ gitDir: tree.gitDir, workTree: source, signal });
  const notes: string[] = [];
  const left = { ...(request.limit ?? AUTO_LIMIT) };
  for (const { path, boundToPath } of folders) {
    if (boundToPath) {
      notes.push(
        `${path} was not copied, because its scripts name the folder they were made in. Let [worktree] setup make it anew.`,
      );
      continue;
    }
    if (mode === "auto") {
      const size = await measureTree(join(source, path), left, signal);
      if (size.files > left.files || size.bytes > left.bytes) {
        notes.push(
          `${path} was not copied, because it is over the limit of dependencies = "auto". Set "copy", or let [worktree] setup make it.`,
        );
        continue;
      }
      left.files -= size.files;
      left.bytes -= size.bytes;
    }
    const why = await bringOne(path, source, target, signal);
    if (why !== undefined) notes.push(`${path} was not copied: ${why}. Let [worktree] setup make it.`);
  }
  return notes;
}

/** Copies one folder unless something is there. Returns why it could not. */
export async function bringOne(
  path: string,
  source: string,
  target: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const parent = await makeFolders(target, dirname(path));
  if (parent === undefined) return "a link in the worktree leads elsewhere";
  if ((await lstat(join(target, path)).catch(() => undefined)) !== undefined)
    return "something is there already";
  try {
    await copyTree({ from: join(source, path), to: join(target, path), source, signal });
    return undefined;
  } catch (error) {
    signal?.throwIfAborted();
    return error instanceof Error ? error.message : String(error);
  }
}
