/** What in a worktree differs from an index: the work list of a snapshot. */
import { constants } from "node:fs";
import { access, lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { fields, runGit } from "../git/git.ts";

/** A path's bytes, one character each: names need not be UTF-8. */
export type RawPath = string;

export interface Omitted {
  readonly path: RawPath;
  /** Short reason, e.g. `larger than 100 MiB`. */
  readonly why: string;
}

/** Has no content to keep. */
export const SPECIAL = "a socket, pipe or device";

export interface Changes {
  readonly present: readonly RawPath[];
  readonly removed: readonly RawPath[];
  /** Folders with a repository of their own. */
  readonly nested: readonly RawPath[];
  readonly omitted: readonly Omitted[];
}

export interface IndexedTree {
  readonly gitDir: string;
  readonly workTree: string;
  readonly index: string;
  readonly signal?: AbortSignal | undefined;
}

/** Looks through the whole worktree. `maxFileBytes`: larger files are left out. */
export async function listChanges(at: IndexedTree, maxFileBytes: number): Promise<Changes> {
  const options = {
    gitDir: at.gitDir,
    workTree: at.workTree,
    signal: at.signal,
    env: { GIT_INDEX_FILE: at.index },
  };
  await runGit(["update-index", "-q", "--refresh", "--ignore-submodules"], { ...options, okCodes: [0, 1] });
  const args = ["ls-files", "-z", "-t", "--modified", "--deleted", "--others", "--exclude-standard"];
  const { stdout, stderr } = await runGit(args, options);
  const removed = new Set<RawPath>();
  const listed = new Set<RawPath>();
  for (const field of fields(stdout, "latin1")) {
    const path = field.slice(2);
    if (field.startsWith("R")) removed.add(path);
    else listed.add(path);
  }
  const present: RawPath[] = [];
  const nested: RawPath[] = [];
  const omitted: Omitted[] = unreadableFolders(stderr);
  await inBatches([...listed], 64, async (path) => {
    if (removed.has(path)) return;
    if (path.endsWith("/")) nested.push(path.slice(0, -1));
    else {
      const why = await refusal(at.workTree, path, maxFileBytes);
      if (why === "gone") removed.add(path);
      else if (why === "repository") nested.push(path);
      else if (why === undefined) present.push(path);
      else omitted.push({ path, why });
    }
  });
  return { present, removed: [...removed], nested, omitted };
}

/** The path on disk, byte by byte. */
export function onDisk(root: string, path: RawPath): Buffer {
  return Buffer.concat([Buffer.from(`${root}/`), Buffer.from(path, "latin1")]);
}

/** Why a path cannot be part of a snapshot; undefined when it can. */
export async function refusal(
  root: string,
  path: RawPath,
  maxFileBytes: number,
): Promise<string | undefined> {
  const file = onDisk(root, path);
  const found = await lstat(file).catch(() => undefined);
  if (found === undefined) return "gone";
  if (found.isSymbolicLink()) return undefined;
  if (found.isDirectory()) return "repository";
  if (!found.isFile()) return SPECIAL;
  if (found.size > maxFileBytes) return `larger than ${Math.round(maxFileBytes / 1024 / 1024)} MiB`;
  const readable = await access(file, constants.R_OK).then(
    () => true,
    () => false,
  );
  return readable ? undefined : "not readable";
}

function unreadableFolders(stderr: string): Omitted[] {
  return [...stderr.matchAll(/could not open directory '(.*)': (.*)/g)].map((found) => ({
    path: Buffer.from(found[1] ?? "", "utf8").toString("latin1"),
    why: `a folder that cannot be read (${found[2]})`,
  }));
}

export async function inBatches<T>(items: readonly T[], size: number, work: (item: T) => Promise<void>) {
  for (let at = 0; at < items.length; at += size) await Promise.all(items.slice(at, at + size).map(work));
}

/** Sockets, pipes and devices, which git does not even list. Looks at no more than `limit` entries. */
export async function findSpecialFiles(root: string, limit = 20_000): Promise<Omitted[]> {
  const found: Omitted[] = [];
  const waiting = [""];
  let seen = 0;
  for (let folder = waiting.shift(); folder !== undefined && seen < limit; folder = waiting.shift()) {
    const entries = await readdir(join(root, folder), { withFileTypes: true }).catch(() => []);
    seen += entries.length;
    for (const entry of entries) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) {
        if (entry.name !== ".git" && entry.name !== "node_modules") waiting.push(path);
      } else if (!entry.isFile() && !entry.isSymbolicLink()) {
        found.push({ path: Buffer.from(path, "utf8").toString("latin1"), why: SPECIAL });
      }
    }
  }
  return found;
}
