/**
 * The demo's throw-away repository: the bundled files, committed by an identity of their own, in a folder of
 * the data folder that the next demo replaces. `--keep` puts it beside them under a name that none replaces.
 */
import { cp, mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { simulatedAgent } from "@makima/agents/sim/where";
import { CliError } from "../cli-error.ts";
import { callGit } from "../run/call-git.ts";

export interface DemoFolder {
  /** The repository. */
  path: string;
  /** Demos of before that were removed. */
  removed: number;
}

/** Prefix of the folders that the next demo removes; kept ones have another. */
const PASSING = "demo-";
const KEPT = "kept-";
/** A demo that may still be looked at or run, e.g. in another terminal, is left alone. */
const FRESH_MS = 10 * 60_000;

const IDENTITY = [
  ["-c", "user.name=makima demo"],
  ["-c", "user.email=demo@makima.invalid"],
  ["-c", "commit.gpgSign=false"],
].flat();

/** Makes the repository below `home`. */
export async function prepareDemo(home: string, options: { keep: boolean; now: Date }): Promise<DemoFolder> {
  await mkdir(home, { recursive: true, mode: 0o700 });
  const removed = await removeOld(home, options.now.getTime());
  const stamp = options.now
    .toISOString()
    .replaceAll(/[-:]/g, "")
    .replace(/\.\d+Z$/, "");
  const path = await freeFolder(home, (options.keep ? KEPT : PASSING) + stamp);
  await cp(simulatedAgent().demoRepository, path, { recursive: true });
  await git(path, ["init", "--quiet", "--initial-branch=main", "--template="]);
  await git(path, ["config", "user.name", "makima demo"]);
  await git(path, ["config", "user.email", "demo@makima.invalid"]);
  await git(path, ["add", "--all"]);
  await git(path, [...IDENTITY, "commit", "--quiet", "-m", "feat: the till of a very small shop"]);
  return { path, removed };
}

/** `mkdir` that fails on what exists makes two demos in the same second take two folders. */
async function freeFolder(home: string, name: string): Promise<string> {
  for (let n = 1; ; n += 1) {
    const path = join(home, n === 1 ? name : `${name}-${n}`);
    try {
      await mkdir(path);
      return path;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}

async function removeOld(home: string, now: number): Promise<number> {
  let removed = 0;
  for (const name of await readdir(home)) {
    const path = join(home, name);
    if (!name.startsWith(PASSING)) continue;
    const found = await stat(path).catch(() => undefined);
    if (!found?.isDirectory() || now - found.mtimeMs < FRESH_MS) continue;
    await rm(path, { recursive: true, force: true });
    removed += 1;
  }
  return removed;
}

async function git(cwd: string, args: readonly string[]): Promise<void> {
  const answer = await callGit(cwd, args);
  if (answer.code === 0) return;
  throw new CliError({
    code: "DEMO_REPOSITORY",
    message: `The demo's repository could not be made in ${cwd}.`,
    why: answer.stderr.trim() || answer.failure,
    next: ["makima doctor"],
  });
}
