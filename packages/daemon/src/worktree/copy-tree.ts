/**
 * Copies a folder as it is: regular files (by reflink where the disk can), folders and links, links never
 * followed. Links that lead back into the checkout it came from are left out, or the copy would still use it.
 */
import { constants } from "node:fs";
import { copyFile, lstat, mkdir, readdir, readlink, symlink } from "node:fs/promises";
import { isAbsolute, join, sep } from "node:path";

export interface TreeSize {
  readonly files: number;
  readonly bytes: number;
}

/** Counts until a limit is passed. */
export async function measureTree(folder: string, limit: TreeSize, signal?: AbortSignal): Promise<TreeSize> {
  let files = 0;
  let bytes = 0;
  const waiting = [folder];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    signal?.throwIfAborted();
    const here = at;
    const sizes = await Promise.all(
      (await readdir(here, { withFileTypes: true }).catch(() => [])).map(async (entry) => {
        if (entry.isDirectory()) waiting.push(join(here, entry.name));
        return entry.isFile() ? ((await lstat(join(here, entry.name)).catch(() => undefined))?.size ?? 0) : 0;
      }),
    );
    files += sizes.length;
    for (const size of sizes) bytes += size;
    if (files > limit.files || bytes > limit.bytes) break;
  }
  return { files, bytes };
}

export interface CopyTree {
  readonly from: string;
  /** Must not exist; its parent must. */
  readonly to: string;
  /** Top folder that absolute links must not lead into. */
  readonly source: string;
  readonly signal?: AbortSignal | undefined;
}

/** Returns paths that were left out. */
export async function copyTree({ from, to, source, signal }: CopyTree): Promise<string[]> {
  const omitted: string[] = [];
  const waiting: [string, string][] = [[from, to]];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    signal?.throwIfAborted();
    const [folder, target] = next;
    const mode = (await lstat(folder)).mode & 0o777;
    await mkdir(target, { mode: mode | 0o700 });
    const entries = await readdir(folder, { withFileTypes: true });
    await Promise.all(
      entries.map(async (entry) => {
        const path = join(folder, entry.name);
        const copy = join(target, entry.name);
        if (entry.isDirectory()) waiting.push([path, copy]);
        else if (entry.isFile()) await copyFile(path, copy, constants.COPYFILE_FICLONE);
        else if (!entry.isSymbolicLink() || !(await copyLink(path, copy, source))) omitted.push(path);
      }),
    );
  }
  return omitted;
}

async function copyLink(path: string, copy: string, source: string): Promise<boolean> {
  const leads = await readlink(path);
  if (isAbsolute(leads) && (leads === source || leads.startsWith(source + sep))) return false;
  await symlink(leads, copy);
  return true;
}
