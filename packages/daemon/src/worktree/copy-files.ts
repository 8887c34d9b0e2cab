/** Brings files that git does not track (`.env`) from the source checkout into a new worktree. */
import { constants } from "node:fs";
import { copyFile, lstat, mkdir, realpath, rm } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, normalize, sep } from "node:path";

export interface CopyFiles {
  /** Paths relative to the top of both. */
  readonly files: readonly string[];
  /** Top folder of the source checkout; undefined when the repository has none on this host. */
  readonly source: string | undefined;
  readonly target: string;
}

/** Larger files are not configuration. */
const MAX_BYTES = 64 * 1024 * 1024;

/** Returns a sentence for each file that could not be brought along. */
export async function copyFilesInto({ files, source, target }: CopyFiles): Promise<string[]> {
  const notes: string[] = [];
  for (const file of files) {
    const why =
      source === undefined ? "the repository has no checkout here" : await copyOne(file, source, target);
    if (why !== undefined) notes.push(`${file} was not copied into the worktree: ${why}.`);
  }
  return notes;
}

async function copyOne(file: string, source: string, target: string): Promise<string | undefined> {
  const path = normalize(file);
  if (path === "" || isAbsolute(path) || path.split(sep).some((part) => part === ".." || part === ".git")) {
    return "it is not a path inside the checkout";
  }
  const from = join(source, path);
  const found = await lstat(from).catch(() => undefined);
  if (found === undefined) return `there is no such file in ${source}`;
  if (!found.isFile()) return "it is not a regular file";
  if (found.size > MAX_BYTES) return `it is larger than ${MAX_BYTES} bytes`;
  if (!(await isInside(dirname(from), source))) return "a link leads out of the checkout";
  const folder = await makeFolders(target, dirname(path));
  if (folder === undefined) return "a link in the worktree leads elsewhere";
  const to = join(folder, basename(path));
  await rm(to, { force: true });
  await copyFile(from, to, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
  return undefined;
}

/** Whether the folder's real path lies in `root` (or is it). */
export async function isInside(folder: string, root: string): Promise<boolean> {
  const [real, realRoot] = await Promise.all([
    realpath(folder).catch(() => undefined),
    realpath(root).catch(() => undefined),
  ]);
  if (real === undefined || realRoot === undefined) return false;
  return real === realRoot || real.startsWith(realRoot.endsWith(sep) ? realRoot : realRoot + sep);
}

/** Makes the folders below `root` one by one; undefined when one of them is a link or a file. */
export async function makeFolders(root: string, relative: string): Promise<string | undefined> {
  let folder = root;
  for (const part of relative.split(sep)) {
    if (part === "." || part === "") continue;
    folder = join(folder, part);
    await mkdir(folder).catch(() => {});
    if (!(await lstat(folder).catch(() => undefined))?.isDirectory()) return undefined;
  }
  return folder;
}
