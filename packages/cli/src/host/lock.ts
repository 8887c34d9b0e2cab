/**
 * One process per data folder.
 *
 * The lock is an exclusive transaction on a SQLite file, which is a file lock of the system: it ends with the
 * process, however that ends, and cannot be left behind. Who holds it stands in a second file, for messages.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { isRunning, startTimeOf } from "@makima/daemon/process/identity";

const holderSchema = z.object({ pid: z.int().positive(), startTime: z.string() });
export type LockHolder = z.infer<typeof holderSchema>;

export interface Lock {
  release(): void;
}

/** SQLITE_BUSY: another process has it. */
const BUSY = 5;

/** The lock, or who has it (undefined where that is not known). */
export function acquireLock(lockFile: string): { lock: Lock } | { holder: LockHolder | undefined } {
  mkdirSync(dirname(lockFile), { recursive: true, mode: 0o700 });
  const database = new DatabaseSync(lockFile, { timeout: 0 });
  try {
    database.exec("PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if ((error as { errcode?: unknown }).errcode !== BUSY) throw error;
    return { holder: readHolder(lockFile) };
  }
  const holder: LockHolder = { pid: process.pid, startTime: startTimeOf(process.pid) ?? "" };
  writeFileSync(holderFile(lockFile), JSON.stringify(holder), { mode: 0o600 });
  let held = true;
  return {
    lock: {
      release() {
        if (!held) return;
        held = false;
        rmSync(holderFile(lockFile), { force: true });
        database.close();
      },
    },
  };
}

/** Who says to hold the lock; undefined where that process is gone. */
export function readHolder(lockFile: string): LockHolder | undefined {
  try {
    const parsed = holderSchema.safeParse(JSON.parse(readFileSync(holderFile(lockFile), "utf8")));
    return parsed.success && isRunning(parsed.data) ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

function holderFile(lockFile: string): string {
  return `${lockFile}.holder`;
}
