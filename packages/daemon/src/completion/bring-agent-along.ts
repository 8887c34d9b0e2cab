/**
 * Sets HEAD, branch and index of the agent's own `.git` to a commit that the daemon made, so that an agent
 * that continues finds nothing uncommitted. Done file by file: no git runs with that `.git`.
 */
import { randomUUID } from "node:crypto";
import { copyFile, rename, rm, writeFile } from "node:fs/promises";
import { constants } from "node:fs";
import { basename, dirname, join } from "node:path";
import { isRealFolder, readAgentRefs } from "../git/agent-refs.ts";
import { makeFolders } from "../worktree/copy-files.ts";
import { linkedGitDir } from "../worktree/linked.ts";
import type { TaskTree } from "../worktree/task-tree.ts";

/** Leftovers of a merge, rebase or pick that the final commit has ended. */
const UNFINISHED = [
  "MERGE_HEAD",
  "MERGE_MSG",
  "MERGE_MODE",
  "CHERRY_PICK_HEAD",
  "REVERT_HEAD",
  "rebase-merge",
  "rebase-apply",
  "sequencer",
  "index.lock",
  "HEAD.lock",
];

/** Returns a sentence when it could not be done; the commit itself stands all the same. */
export async function bringAgentAlong(
  tree: TaskTree,
  commit: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  signal?.throwIfAborted();
  const gitDir = tree.isolation === "clone" ? tree.agentGitDir : await linkedGitDir(tree);
  const usable =
    gitDir !== undefined &&
    (tree.isolation === "clone" ? (await readAgentRefs(gitDir)) !== undefined : await isRealFolder(gitDir));
  if (!usable)
    return `.git of ${tree.path} is damaged, so the agent's branch there was not brought to ${commit}`;
  for (const name of UNFINISHED) await rm(join(gitDir, name), { recursive: true, force: true });
  let head = `ref: refs/heads/${tree.branch}\n`;
  if (tree.isolation === "clone") {
    const ref = `refs/heads/${tree.branch}`;
    const folder = await makeFolders(gitDir, dirname(ref));
    if (folder === undefined) head = `${commit}\n`;
    else await replace(join(folder, basename(ref)), `${commit}\n`);
  }
  await replace(join(gitDir, "HEAD"), head);
  const fresh = join(gitDir, `index.${randomUUID()}`);
  await copyFile(join(tree.gitDir, "index"), fresh, constants.COPYFILE_EXCL);
  await rename(fresh, join(gitDir, "index"));
  return undefined;
}

/** Written beside and renamed: a link at the place is replaced, not followed. */
async function replace(path: string, text: string): Promise<void> {
  const fresh = `${path}.${randomUUID()}`;
  await writeFile(fresh, text, { flag: "wx" });
  await rm(`${path}.lock`, { force: true });
  await rename(fresh, path);
}
