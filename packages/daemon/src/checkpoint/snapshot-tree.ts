/**
 * Writes the whole worktree as a tree, with an index of the daemon's own that is kept from one snapshot to
 * the next, so that only what changed is read. One bad file is left out and named; it never fails the rest.
 */
import { lstat, rm, stat } from "node:fs/promises";
import { isGitError, complaint } from "../git/error.ts";
import { fields, gitText, runGit, type GitOptions } from "../git/git.ts";
import {
  findSpecialFiles,
  listChanges,
  onDisk,
  refusal,
  type IndexedTree,
  type Omitted,
  type RawPath,
} from "./list-changes.ts";

export interface SnapshotTree extends IndexedTree {
  /** Commit or tree to start the index from when there is none. */
  readonly seed: string | undefined;
  /** Commit that the agent's branch is at: paths that cannot be read stand as they stand there. */
  readonly head: string | undefined;
  readonly maxFileBytes: number;
  /** Paths that are left out unless git tracks them, even if a `.gitignore` takes them in. */
  readonly excluded: readonly string[];
}

export interface Snapshot {
  readonly tree: string;
  readonly omitted: readonly Omitted[];
  readonly nested: readonly RawPath[];
}

/** Throws only when git itself cannot work: no disk space, no store. */
export async function writeSnapshotTree(request: SnapshotTree): Promise<Snapshot> {
  const { gitDir, workTree, index, signal } = request;
  const options: GitOptions = { gitDir, workTree, signal, env: { GIT_INDEX_FILE: index } };
  await rm(`${index}.lock`, { force: true });
  await requireIndex(request, options);
  const changes = await listChanges(request, request.maxFileBytes).catch(async (error: unknown) => {
    if (!isGitError(error, "git_failed")) throw error;
    // An index that cannot be read is only a cache: made anew.
    await rm(index, { force: true });
    await requireIndex(request, options);
    return listChanges(request, request.maxFileBytes);
  });
  const omitted = [...changes.omitted, ...(await findSpecialFiles(workTree))];
  const excluded = new Set(request.excluded.map((path) => Buffer.from(path).toString("latin1")));
  await remove(changes.removed, (request.head ?? request.seed ?? "").length, options);
  const wanted = changes.present.filter((path) => !excluded.has(path));
  const hidden = changes.present.filter((path) => excluded.has(path));
  await add([...wanted, ...(await onlyTracked(hidden, options))], options, omitted);
  const submodules = await submodulesWithFiles(workTree, options);
  const nested = [...new Set([...changes.nested, ...submodules])];
  await add(await trackedFolders(nested, request.head, options), options, omitted);
  if (request.head !== undefined) await followHead(request, request.head, options, omitted);
  return { tree: await gitText(["write-tree"], options), omitted: unique(omitted), nested };
}

async function requireIndex({ index, seed }: SnapshotTree, options: GitOptions): Promise<void> {
  if ((await stat(index).catch(() => undefined)) !== undefined) return;
  await runGit(seed === undefined ? ["read-tree", "--empty"] : ["read-tree", seed], options);
}

async function remove(paths: readonly RawPath[], idLength: number, options: GitOptions): Promise<void> {
  if (paths.length === 0) return;
  const zero = "0".repeat(idLength || 40);
  const input = bytes(paths.map((path) => `0 ${zero}\t${path}\0`));
  await runGit(["update-index", "-z", "--index-info"], { ...options, input });
}

/** A call that fails wrote nothing; halves are tried until the one file that git refuses is alone. */
async function add(paths: readonly RawPath[], options: GitOptions, omitted: Omitted[]): Promise<void> {
  if (paths.length === 0) return;
  try {
    const input = bytes(paths.map((path) => `${path}\0`));
    await runGit(["update-index", "--add", "--remove", "--replace", "-z", "--stdin"], { ...options, input });
  } catch (error) {
    if (!isGitError(error, "git_failed")) throw error;
    const [path] = paths;
    if (paths.length === 1 && path !== undefined) {
      omitted.push({ path, why: `git refuses it (${complaint(error.facts.stderr ?? "")})` });
      return;
    }
    const middle = Math.ceil(paths.length / 2);
    await add(paths.slice(0, middle), options, omitted);
    await add(paths.slice(middle), options, omitted);
  }
}

/** Of these paths, the ones that are in the index. */
async function onlyTracked(paths: readonly RawPath[], options: GitOptions): Promise<RawPath[]> {
  if (paths.length === 0) return [];
  const names = paths.map((path) => Buffer.from(path, "latin1").toString("utf8"));
  return fields((await runGit(["ls-files", "-z", "--cached", "--", ...names], options)).stdout, "latin1");
}

/** Submodules that somebody filled: git does not list them while their commit is the recorded one. */
async function submodulesWithFiles(workTree: string, options: GitOptions): Promise<RawPath[]> {
  const found: RawPath[] = [];
  for (const line of fields((await runGit(["ls-files", "-z", "--stage"], options)).stdout, "latin1")) {
    const path = line.slice(line.indexOf("\t") + 1);
    if (!line.startsWith("160000 ")) continue;
    const folder = await lstat(onDisk(workTree, path)).catch(() => undefined);
    const own = await lstat(onDisk(workTree, `${path}/.git`)).catch(() => undefined);
    if (folder?.isDirectory() && own !== undefined) found.push(path);
  }
  return found;
}

/** Nested repositories that git tracks as such (submodules) are recorded by their commit. */
async function trackedFolders(
  nested: readonly RawPath[],
  head: string | undefined,
  options: GitOptions,
): Promise<RawPath[]> {
  if (nested.length === 0) return [];
  const names = nested.map((path) => Buffer.from(path, "latin1").toString("utf8"));
  const inIndex = await runGit(["ls-files", "-z", "--stage", "--", ...names], options);
  const inHead =
    head === undefined ? undefined : await runGit(["ls-tree", "-z", head, "--", ...names], options);
  const tracked = new Set<RawPath>();
  for (const line of [
    ...fields(inIndex.stdout, "latin1"),
    ...fields(inHead?.stdout ?? Buffer.alloc(0), "latin1"),
  ]) {
    if (line.startsWith("160000 ")) tracked.add(line.slice(line.indexOf("\t") + 1));
  }
  return nested.filter((path) => tracked.has(path));
}

/**
 * What the agent's own commits hold and this index lacks: ignored files that it added by force are read
 * from disk, and paths that were left out stand as its branch has them, or a later commit would undo them.
 */
async function followHead(request: SnapshotTree, head: string, options: GitOptions, omitted: Omitted[]) {
  const args = ["diff-index", "--cached", "-z", "--raw", "--no-renames", head, "--"];
  const left = new Set(omitted.map(({ path }) => path));
  const forced: RawPath[] = [];
  const asHead: string[] = [];
  const raw = fields((await runGit(args, options)).stdout, "latin1");
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const [mode = "", , id = "", , status = ""] = (raw[at] as string).slice(1).split(" ");
    const path = raw[at + 1] as string;
    if (left.has(path) && mode !== "000000") asHead.push(`${mode} ${id}\t${path}\0`);
    else if (status === "D") {
      const why = await refusal(request.workTree, path, request.maxFileBytes);
      if (why === undefined) forced.push(path);
      else if (why === "repository" && mode === "160000") asHead.push(`${mode} ${id}\t${path}\0`);
      else if (why !== "gone" && why !== "repository") {
        omitted.push({ path, why });
        asHead.push(`${mode} ${id}\t${path}\0`);
      }
    }
  }
  await add(forced, options, omitted);
  if (asHead.length > 0)
    await runGit(["update-index", "-z", "--index-info"], { ...options, input: bytes(asHead) });
}

function bytes(parts: readonly string[]): Buffer {
  return Buffer.from(parts.join(""), "latin1");
}

function unique(omitted: readonly Omitted[]): Omitted[] {
  return [...new Map(omitted.map((entry) => [entry.path, entry])).values()];
}
