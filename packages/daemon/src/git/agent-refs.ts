/**
 * Reads the refs of a repository that an agent worked in, file by file, without running git in it: its
 * config, hooks and links are the agent's to write. Folders and files that are links are not followed.
 */
import { constants } from "node:fs";
import { lstat, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { isBranchName, isObjectId } from "./refs.ts";

export interface AgentRefs {
  /** Branch that HEAD names, without `refs/heads/`; undefined when detached. */
  readonly headBranch: string | undefined;
  /** Commit that HEAD comes to; undefined when there is none. */
  readonly head: string | undefined;
  /** Every ref below `refs/`, by its full name. */
  readonly refs: ReadonlyMap<string, string>;
}

const MAX_REFS = 20_000;
const MAX_DEPTH = 12;
const MAX_PACKED_BYTES = 32 * 1024 * 1024;

/** `undefined` when the folder is not a git directory that can be read without following links. */
export async function readAgentRefs(gitDir: string): Promise<AgentRefs | undefined> {
  if (!(await isRealFolder(gitDir)) || !(await isRealFolder(join(gitDir, "objects")))) return undefined;
  const headText = (await readSmall(join(gitDir, "HEAD"), 4096))?.trim();
  if (headText === undefined) return undefined;
  const refs = new Map<string, string>();
  for (const [ref, id] of parsePacked(await readSmall(join(gitDir, "packed-refs"), MAX_PACKED_BYTES))) {
    if (refs.size < MAX_REFS) refs.set(ref, id);
  }
  if (await isRealFolder(join(gitDir, "refs"))) await readLoose(gitDir, "refs", 0, refs);
  const symbolic = /^ref: (refs\/heads\/(.+))$/.exec(headText);
  if (symbolic === null) {
    return { headBranch: undefined, head: isObjectId(headText) ? headText : undefined, refs };
  }
  const [, ref = "", branch = ""] = symbolic;
  return { headBranch: isBranchName(branch) ? branch : undefined, head: refs.get(ref), refs };
}

/** Reads a regular file of at most `limit` bytes, never through a link; undefined when it is not one. */
export async function readSmall(path: string, limit: number): Promise<string | undefined> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(path, flags).catch(() => undefined);
  if (file === undefined) return undefined;
  try {
    const found = await file.stat();
    if (!found.isFile() || found.size > limit) return undefined;
    return await file.readFile("utf8");
  } catch {
    return undefined;
  } finally {
    await file.close();
  }
}

export async function isRealFolder(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined))?.isDirectory() ?? false;
}

function parsePacked(text: string | undefined): [string, string][] {
  const found: [string, string][] = [];
  for (const line of (text ?? "").split("\n")) {
    const [id = "", ref = ""] = line.split(" ");
    if (isObjectId(id) && ref.startsWith("refs/") && isBranchName(ref)) found.push([ref, id]);
  }
  return found;
}

async function readLoose(gitDir: string, folder: string, depth: number, refs: Map<string, string>) {
  if (depth > MAX_DEPTH) return;
  const entries = await readdir(join(gitDir, folder), { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const ref = `${folder}/${entry.name}`;
    if (refs.size >= MAX_REFS) return;
    if (entry.isDirectory()) await readLoose(gitDir, ref, depth + 1, refs);
    else if (entry.isFile() && isBranchName(ref)) {
      const id = (await readSmall(join(gitDir, ref), 4096))?.trim() ?? "";
      if (isObjectId(id)) refs.set(ref, id);
    }
  }
}
