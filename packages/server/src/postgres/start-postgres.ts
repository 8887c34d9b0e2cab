/**
 * Starts the PostgreSQL that makima brings along, or takes over one that an earlier makima left running.
 *
 * Only a Unix socket in a folder that nobody else may enter; no TCP port; every commit on disk. The server
 * outlives a makima that is killed and is found again by its `postmaster.pid`.
 */
import { spawn } from "node:child_process";
import { open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { PoolConfig } from "pg";
import type { Logger } from "pino";
import { prepareHome, type ClusterHome } from "./cluster-home.ts";
import { holdCluster } from "./holder.ts";
import { DATABASE_USER, handOver, initCluster } from "./init-cluster.ts";
import { failedStep, PostgresError } from "./postgres-error.ts";
import { clearStaleMark, findPostmaster, type Postmaster } from "./postmaster.ts";
import { programEnvironment, runProgram } from "./run-program.ts";
import { writeSettings } from "./settings.ts";

export interface StartOptions {
  /** makima's folder for the database; under root its hash names the real one. */
  dataDir: string;
  log: Logger;
  signal?: AbortSignal;
}

export interface RunningPostgres extends AsyncDisposable {
  connection: PoolConfig;
  /** Folder of its files and its log. */
  folder: string;
  pid: number;
  /** False when it ran already. */
  started: boolean;
  /** Stops the server; what is connected is cut off. */
  stop: () => Promise<void>;
}

const START_TIMEOUT_MS = 60_000;
const LOG_KEPT_BYTES = 10 * 1024 * 1024;

/** Throws PostgresError. */
export async function startPostgres({ dataDir, log, signal }: StartOptions): Promise<RunningPostgres> {
  signal?.throwIfAborted();
  const home = await prepareHome(dataDir);
  const letGo = await holdCluster(home.folder);
  try {
    if (await initCluster(home, signal)) log.info({ folder: home.folder }, "made a new database");
    const adopted = await waitWhileStopping(home, signal);
    const server = adopted ?? (await launch(home, signal));
    if (adopted) log.info({ pid: server.pid }, "took over the database that was running");
    const stop = stopper(home, letGo);
    return {
      connection: { host: server.socketFolder, port: 5432, user: DATABASE_USER, database: "postgres" },
      folder: home.folder,
      pid: server.pid,
      started: !adopted,
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await letGo();
    throw error;
  }
}

/** The server that runs on this folder, once it is ready; undefined if none does or the last one is gone. */
async function waitWhileStopping(home: ClusterHome, signal?: AbortSignal): Promise<Postmaster | undefined> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    signal?.throwIfAborted();
    const found = await findPostmaster(home);
    if (!found || found.status === "ready") return found;
    if (Date.now() > deadline) {
      const what = `The database server (pid ${found.pid}) does not get ready`;
      throw failedStep("start_failed", what, home.folder, await logTail(home));
    }
    await delay(10);
  }
}

async function launch(home: ClusterHome, signal?: AbortSignal): Promise<Postmaster> {
  await clearStaleMark(home);
  await writeSettings(home);
  const child = await spawnServer(home);
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    if (child.ended !== undefined) {
      const output = await logTail(home);
      throw failedStep("start_failed", "The database server did not start", home.folder, output, child.ended);
    }
    const found = await findPostmaster(home);
    if (found?.status === "ready") return found;
    if (signal?.aborted || Date.now() > deadline) {
      child.stop();
      signal?.throwIfAborted();
      throw failedStep(
        "start_failed",
        "The database server took too long to start",
        home.folder,
        await logTail(home),
      );
    }
    // Started with the program, gone with its start: nothing tells of a server's readiness but this file.
    await delay(5);
  }
}

async function spawnServer(home: ClusterHome): Promise<{ ended?: Error; stop: () => void }> {
  const logFile = await open(home.logFile, "a", 0o600);
  try {
    if ((await logFile.stat()).size > LOG_KEPT_BYTES) await logFile.truncate();
    await handOver(home, home.logFile);
    const child = spawn(join(home.bin, "postgres"), ["-D", home.data], {
      // A session of its own: what ends makima or its terminal does not end it.
      detached: true,
      stdio: ["ignore", logFile.fd, logFile.fd],
      cwd: "/",
      env: programEnvironment(),
      ...home.runAs,
    });
    const watched: { ended?: Error; stop: () => void } = { stop: () => child.kill("SIGINT") };
    child.on("error", (error) => (watched.ended = error));
    child.on("exit", (code, name) => (watched.ended = new Error(`it exited with ${name ?? code}`)));
    child.unref();
    return watched;
  } finally {
    await logFile.close();
  }
}

function stopper(home: ClusterHome, letGo: () => Promise<void>): () => Promise<void> {
  let stopped: Promise<void> | undefined;
  return () => (stopped ??= stopServer(home).finally(letGo));
}

async function stopServer(home: ClusterHome): Promise<void> {
  if (!(await findPostmaster(home))) return;
  const ran = await runProgram(home, "pg_ctl", ["stop", "-D", home.data, "-m", "fast", "-w", "-t", "60"]);
  if (ran.code !== 0 && (await findPostmaster(home))) {
    throw new PostgresError(
      "stop_failed",
      `The database server did not stop: ${ran.output.trim()}. Its files are in ${home.folder}.`,
      ran.output,
    );
  }
}

async function logTail(home: ClusterHome): Promise<string> {
  const text = await readFile(home.logFile, "utf8").catch(() => "");
  return text.slice(-4096);
}

/** Stops the server of `dataDir` and removes its files, socket included. For tests and `--purge`. */
export async function removePostgres(running: RunningPostgres): Promise<void> {
  await running.stop();
  await rm(running.folder, { recursive: true, force: true });
  const socket = running.connection.host;
  if (socket && !socket.startsWith(running.folder)) await rm(socket, { recursive: true, force: true });
}
