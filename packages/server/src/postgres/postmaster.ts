/** Looks at a database server that may be running on a data folder. */
import { readFileSync } from "node:fs";
import { readFile, readlink, realpath, rm } from "node:fs/promises";
import { join } from "node:path";
import type { ClusterHome } from "./cluster-home.ts";

export interface Postmaster {
  pid: number;
  socketFolder: string;
  /** "starting", "stopping", "ready" or "standby"; empty while it has not said. */
  status: string;
}

/** What `postmaster.pid` says, if the process it names lives and is the server of this folder. */
export async function findPostmaster(home: ClusterHome): Promise<Postmaster | undefined> {
  const text = await readFile(join(home.data, "postmaster.pid"), "utf8").catch(() => "");
  const lines = text.split("\n");
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 1 || !isAlive(pid)) return undefined;
  if (!(await worksIn(pid, home.data))) return undefined;
  return { pid, socketFolder: lines[4] || home.socketFolder, status: (lines[7] ?? "").trim() };
}

/**
 * Takes away a mark whose process is gone or is another program by now: PostgreSQL itself would refuse
 * to start on it if its number was given to another process of the same user.
 */
export async function clearStaleMark(home: ClusterHome): Promise<void> {
  if (!(await findPostmaster(home))) await rm(join(home.data, "postmaster.pid"), { force: true });
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  return !isZombie(pid);
}

/** Ended, and not yet taken note of by its parent: in a container that may take for ever. */
function isZombie(pid: number): boolean {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text[text.lastIndexOf(")") + 2] === "Z";
  } catch {
    return false;
  }
}

/** A server's working folder is its data folder. Where that cannot be seen, the mark is believed. */
async function worksIn(pid: number, data: string): Promise<boolean> {
  if (process.platform !== "linux") return true;
  const [folder, wanted] = await Promise.all([
    readlink(`/proc/${pid}/cwd`).catch(() => undefined),
    realpath(data).catch(() => data),
  ]);
  return folder === undefined ? isAlive(pid) : folder === wanted;
}
