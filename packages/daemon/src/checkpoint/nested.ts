/**
 * Repositories inside a worktree, which a commit of the worktree cannot hold: each is snapshotted as a
 * commit of its own, with its files and what it has committed.
 */
import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { readAgentRefs } from "../git/agent-refs.ts";
import { gitText } from "../git/git.ts";
import type { TaskTree } from "../worktree/task-tree.ts";
import { identity, type Identity } from "./identity.ts";
import { distrust, importRefs } from "./import-commits.ts";
import type { Omitted, RawPath } from "./list-changes.ts";
import { writeSnapshotTree } from "./snapshot-tree.ts";

export interface NestedSnapshot {
  readonly path: RawPath;
  readonly commit: string;
  readonly tree: string;
  readonly omitted: readonly Omitted[];
}

/** Repositories within repositories within repositories; and how many of them. */
const MAX_DEPTH = 3;
const MAX_COUNT = 50;

export interface NestedRequest {
  readonly tree: TaskTree;
  readonly paths: readonly RawPath[];
  readonly maxFileBytes: number;
  readonly who: Identity;
  readonly signal?: AbortSignal | undefined;
}

/** What goes wrong in one of them leaves that one out, by name. */
export async function snapshotNested(
  request: NestedRequest,
): Promise<{ snapshots: NestedSnapshot[]; omitted: Omitted[] }> {
  const snapshots: NestedSnapshot[] = [];
  const omitted: Omitted[] = [];
  const waiting = request.paths.map((path) => ({ path, depth: 1 }));
  await mkdir(join(request.tree.gitDir, "nested"), { recursive: true });
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const { path, depth } = next;
    if (snapshots.length >= MAX_COUNT || depth > MAX_DEPTH) {
      omitted.push({ path, why: "one nested repository too many" });
      continue;
    }
    try {
      const { nested, ...snapshot } = await snapshotOne(request, path);
      snapshots.push(snapshot);
      waiting.push(...nested.map((inner) => ({ path: `${path}/${inner}`, depth: depth + 1 })));
    } catch (error) {
      request.signal?.throwIfAborted();
      omitted.push({ path, why: `a repository that cannot be read (${String(error).slice(0, 200)})` });
    }
  }
  return { snapshots, omitted };
}

async function snapshotOne(
  { tree, maxFileBytes, who, signal }: NestedRequest,
  path: RawPath,
): Promise<NestedSnapshot & { nested: readonly RawPath[] }> {
  const name = Buffer.from(path, "latin1").toString("utf8");
  const workTree = join(tree.path, name);
  const key = createHash("sha256").update(path).digest("hex").slice(0, 16);
  const index = join(tree.gitDir, "nested", `${key}.index`);
  const head = await importHead(tree, join(workTree, ".git"), signal);
  const at = { gitDir: tree.gitDir, workTree, index, signal };
  const written = await writeSnapshotTree({ ...at, seed: head, head, maxFileBytes, excluded: [] });
  const args = ["commit-tree", written.tree, ...(head === undefined ? [] : ["-p", head]), "-F", "-"];
  const commit = await gitText(args, {
    gitDir: tree.gitDir,
    signal,
    env: identity(who),
    input: `nested repository ${name}\n`,
  });
  const omitted = written.omitted.map((entry) => ({ ...entry, path: `${path}/${entry.path}` }));
  return { path, commit, tree: written.tree, omitted, nested: written.nested };
}

/** Its own commits, when its `.git` is a plain folder that borrows nothing from elsewhere. */
async function importHead(tree: TaskTree, gitDir: string, signal?: AbortSignal): Promise<string | undefined> {
  const refs = await readAgentRefs(gitDir);
  if (refs === undefined || (await distrust(gitDir, tree.store)) !== undefined) return undefined;
  const objects = join(gitDir, "objects");
  const lone = { ...refs, refs: new Map() };
  return (await importRefs({ refs: lone, objects, gitDir: tree.gitDir, haves: [], branch: "", signal })).head;
}
