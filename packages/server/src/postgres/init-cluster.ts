/**
 * Makes the database's files, once. They are made beside their place and moved there when they are whole,
 * so that an initdb that was killed leaves nothing that looks like a database.
 */
import { chown, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ClusterHome } from "./cluster-home.ts";
import { failedStep } from "./postgres-error.ts";
import { runProgram } from "./run-program.ts";

const FRESH = "data.new";

/** The role that makima connects as. */
export const DATABASE_USER = "makima";

/** Throws PostgresError `init_failed` or `disk_full`. True when it made a new one. */
export async function initCluster(home: ClusterHome, signal?: AbortSignal): Promise<boolean> {
  for (const name of await readdir(home.folder)) {
    if (name.startsWith(FRESH)) await rm(join(home.folder, name), { recursive: true, force: true });
  }
  if (await isThere(join(home.data, "PG_VERSION"))) return false;
  // Not a whole database: an older makima or a person left it. Kept, out of the way.
  if (await isThere(home.data)) await rename(home.data, join(home.folder, `data.broken-${Date.now()}`));

  const fresh = join(home.folder, FRESH);
  const args = ["-D", fresh, "-U", DATABASE_USER, "-E", "UTF8", "-A", "trust", "--no-instructions"];
  const ran = await runProgram(home, "initdb", [...args, ...(await localeArguments(home))], signal);
  signal?.throwIfAborted();
  if (ran.code !== 0) {
    await rm(fresh, { recursive: true, force: true });
    throw failedStep("init_failed", "The database could not be made", home.folder, ran.output);
  }
  await rename(fresh, home.data);
  return true;
}

/** Sorting and case by code point, the same on every machine. */
async function localeArguments(home: ClusterHome): Promise<string[]> {
  const { output } = await runProgram(home, "postgres", ["--version"]);
  const major = Number(/\(PostgreSQL\) (\d+)/.exec(output)?.[1] ?? 0);
  if (major < 17) return ["--locale=C.UTF-8"];
  return ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"];
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Gives `path` to the user that the database runs as. */
export async function handOver(home: ClusterHome, path: string): Promise<void> {
  if (home.runAs) await chown(path, home.runAs.uid, home.runAs.gid);
}
