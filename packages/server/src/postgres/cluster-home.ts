/**
 * Where a database's files, socket and programs live, and as whom it runs.
 *
 * PostgreSQL refuses to run as root. Under root it runs as `nobody`, who cannot reach root's home: files
 * then live under /var/lib/makima/<hash of the data folder>, the socket under /run, the programs in a copy.
 */
import { createHash } from "node:crypto";
import { chmod, chown, mkdir, readFile, realpath, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { copyBinaries, findBinaries, linkLibraries } from "./binaries.ts";
import { failedStep, PostgresError } from "./postgres-error.ts";

/** Ids that the programs run with; undefined: makima's own. */
export interface RunAs {
  uid: number;
  gid: number;
}

export interface ClusterHome {
  bin: string;
  /** Holds `data`, the log and the holder's mark. */
  folder: string;
  data: string;
  socketFolder: string;
  logFile: string;
  runAs?: RunAs;
}

/** sockaddr_un takes 107 bytes and PostgreSQL appends its own name. */
const LONGEST_SOCKET = 107 - "/.s.PGSQL.5432".length;
const SHARED = "/var/lib/makima";

/** Makes the folders that are missing. Throws PostgresError. */
export async function prepareHome(dataDir: string): Promise<ClusterHome> {
  const binaries = await findBinaries();
  const root = process.getuid?.() === 0;
  try {
    await mkdir(root ? dirname(resolve(dataDir)) : dataDir, { recursive: true, mode: 0o700 });
    const hash = createHash("sha256")
      .update(await settled(dataDir))
      .digest("hex")
      .slice(0, 12);
    if (!root) {
      if (binaries.packaged) await linkLibraries(binaries.packaged.root);
      return homeIn(binaries.bin, resolve(dataDir), await ownSocketFolder(resolve(dataDir), hash));
    }
    const runAs = await nobody();
    const bin = binaries.packaged ? await copyBinaries(binaries.packaged, SHARED) : binaries.bin;
    const folder = join(SHARED, hash);
    const home = homeIn(bin, folder, `/run/makima-${hash}`, runAs);
    for (const path of [home.folder, home.socketFolder]) {
      await mkdir(path, { recursive: true, mode: 0o700 });
      await chown(path, runAs.uid, runAs.gid);
    }
    return home;
  } catch (error) {
    if (error instanceof PostgresError) throw error;
    throw failedStep("folder_unusable", "The database's folder cannot be made", dataDir, "", error);
  }
}

function homeIn(bin: string, folder: string, socketFolder: string, runAs?: RunAs): ClusterHome {
  const home = {
    bin,
    folder,
    data: join(folder, "data"),
    socketFolder,
    logFile: join(folder, "postgres.log"),
  };
  return runAs ? { ...home, runAs } : home;
}

/** The real path, also of a folder that is not made yet, so that a link does not make a second database. */
async function settled(dataDir: string): Promise<string> {
  const path = resolve(dataDir);
  return realpath(path).catch(async () =>
    join(await realpath(dirname(path)), path.slice(dirname(path).length)),
  );
}

async function ownSocketFolder(folder: string, hash: string): Promise<string> {
  const runtime = process.env["XDG_RUNTIME_DIR"];
  const choices = [
    join(folder, "socket"),
    ...(runtime ? [join(runtime, `makima-${hash}`)] : []),
    join(tmpdir(), `makima-${process.getuid?.() ?? 0}-${hash}`),
  ];
  for (const path of choices) {
    if (Buffer.byteLength(path) > LONGEST_SOCKET) continue;
    await mkdir(path, { recursive: true, mode: 0o700 });
    const { uid, mode } = await stat(path);
    if (uid !== process.getuid?.()) continue;
    if ((mode & 0o077) !== 0) await chmod(path, 0o700);
    return path;
  }
  throw new PostgresError(
    "path_too_long",
    `No folder is short enough for the database's socket (${choices.join(", ")}). Use a shorter data folder (MAKIMA_DATA_DIR), or set XDG_RUNTIME_DIR.`,
  );
}

async function nobody(): Promise<RunAs> {
  const lines = (await readFile("/etc/passwd", "utf8").catch(() => "")).split("\n");
  const fields = lines.find((line) => line.startsWith("nobody:"))?.split(":");
  const uid = Number(fields?.[2]);
  const gid = Number(fields?.[3]);
  if (Number.isInteger(uid) && uid > 0 && Number.isInteger(gid)) return { uid, gid };
  throw new PostgresError(
    "no_unprivileged_user",
    "PostgreSQL does not run as root, and there is no user `nobody` in /etc/passwd to run it as. Run makima as another user, or set DATABASE_URL.",
  );
}
