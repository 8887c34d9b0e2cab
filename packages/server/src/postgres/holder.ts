/**
 * One makima a database: a mark in its folder names the process that has it. The mark of a process that
 * is gone (told by number and start time) counts for nothing.
 */
import { link, readFile, rm, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PostgresError } from "./postgres-error.ts";
import { isAlive } from "./postmaster.ts";

interface Mark {
  pid: number;
  /** Start time in clock ticks since boot, where the system tells it. */
  started?: string;
}

const heldHere = new Set<string>();

/** Takes the database in `folder` or throws PostgresError `in_use`; returns what gives it back. */
export async function holdCluster(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, "holder.json");
  const mine = `${path}.${process.pid}`;
  await writeFile(mine, JSON.stringify(await markOf(process.pid)), { mode: 0o600 });
  try {
    for (;;) {
      try {
        // A link is made whole or not at all, and never over another one.
        await link(mine, path);
        break;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
        const holder = await readMark(path);
        if (holder && (await lives(holder, path))) throw inUse(folder, holder.pid);
        await rm(path, { force: true });
      }
    }
  } finally {
    await rm(mine, { force: true });
  }
  heldHere.add(path);
  return async () => {
    heldHere.delete(path);
    await unlink(path).catch(() => undefined);
  };
}

function inUse(folder: string, pid: number): PostgresError {
  return new PostgresError(
    "in_use",
    `Another makima (pid ${pid}) has the database in ${folder}. Use that one (\`makima status\`), stop it first, or start this one with another data folder.`,
  );
}

async function readMark(path: string): Promise<Mark | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Mark;
  } catch {
    return undefined;
  }
}

async function lives(mark: Mark, path: string): Promise<boolean> {
  if (mark.pid === process.pid) return heldHere.has(path);
  if (!isAlive(mark.pid)) return false;
  const now = await markOf(mark.pid);
  return mark.started === undefined || now.started === undefined || mark.started === now.started;
}

async function markOf(pid: number): Promise<Mark> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  // The name in brackets may hold anything; the 20th field after it is the start time.
  const started = text.slice(text.lastIndexOf(")") + 2).split(" ")[19];
  return started ? { pid, started } : { pid };
}
