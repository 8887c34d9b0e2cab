/**
 * `makima up`: server, database and daemon of one data folder in one process.
 *
 * Order: the lock → database → server → owner and key → server.json → daemon. Only the holder of the lock
 * starts anything; everyone else waits for server.json. It ends in the opposite order, agents first.
 */
import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import type { Logger } from "pino";
import { createClient } from "@makima/client/rest";
import { sleep } from "@makima/client/sleep";
import { startTimeOf } from "@makima/daemon/process/identity";
import { MAKIMA_VERSION } from "@makima/protocol/version";
import { CliError } from "../cli-error.ts";
import type { CliContext } from "../cli-context.ts";
import { openServerDatabase } from "./database.ts";
import { startLocalDaemon } from "./local-daemon.ts";
import { ensureLocalKeys } from "./local-owner.ts";
import { startLocalServer } from "./local-server.ts";
import { acquireLock, readHolder, type Lock } from "./lock.ts";
import { localServer, removeServerFile, writeServerFile, type ServerFile } from "./server-file.ts";

export interface UpOptions {
  withDaemon: boolean;
  log: Logger;
  signal: AbortSignal;
  /** Told as each part is there. */
  onReady(part: "database" | "server" | "daemon", detail: string, tookMs: number): void;
}

export interface Host {
  file: ServerFile;
  key: string;
  /** Aborted when the server cannot go on. */
  failed: AbortSignal;
  /** Agents are checkpointed, then everything ends. */
  close(): Promise<void>;
}

const WAIT_FOR_OTHER_MS = 90_000;

/** The lock of this data folder, or the server of whoever has it. */
export async function lockOrServer(
  context: CliContext,
  signal: AbortSignal,
): Promise<{ lock: Lock } | { other: ServerFile }> {
  const { paths } = context;
  mkdirSync(paths.stateDir, { recursive: true, mode: 0o700 });
  const deadline = Date.now() + WAIT_FOR_OTHER_MS;
  for (;;) {
    const locked = acquireLock(paths.lockFile);
    if ("lock" in locked) return { lock: locked.lock };
    const local = await localServer(paths, signal);
    if (local?.state === "answers") return { other: local.file };
    if (Date.now() > deadline) {
      const pid = readHolder(paths.lockFile)?.pid;
      throw new CliError({
        code: "ALREADY_STARTING",
        message: `Another makima${pid === undefined ? "" : ` (process ${pid})`} has ${paths.stateDir}, but does not answer.`,
        next: ["makima down", `see ${paths.logDir}`, "makima up --data-dir FOLDER        (one beside it)"],
      });
    }
    await sleep(100, signal);
  }
}

/** Starts everything under a lock that is held; on failure nothing is left running but the lock. */
export async function startHost(context: CliContext, options: UpOptions): Promise<Host> {
  const { config, paths } = context;
  const { log, signal } = options;
  const instanceId = randomUUID();
  await using opening = new AsyncDisposableStack();
  const step = async <T>(
    part: "database" | "server" | "daemon",
    run: () => Promise<[T, string]>,
  ): Promise<T> => {
    signal.throwIfAborted();
    const began = performance.now();
    const [made, detail] = await run();
    options.onReady(part, detail, Math.round(performance.now() - began));
    return made;
  };

  const database = await step("database", async () => {
    const opened = await openServerDatabase(config, paths, log, signal);
    opening.defer(() => opened.stop());
    return [opened, opened.place];
  });
  const server = await step("server", async () => {
    const running = await startLocalServer({
      config,
      database: database.connection,
      instanceId,
      log,
      movePort: true,
    });
    opening.defer(() => running.close());
    return [running, running.url];
  });
  const { key, daemonKey } = await ensureLocalKeys(server.deps, paths, server.url);
  const file: ServerFile = {
    url: server.url,
    pid: process.pid,
    startTime: startTimeOf(process.pid) ?? "",
    instanceId,
    version: MAKIMA_VERSION,
  };
  if (options.withDaemon) {
    await step("daemon", async () => {
      const name = hostname();
      const daemon = await startLocalDaemon({
        config,
        paths,
        serverUrl: server.url,
        apiKey: daemonKey,
        name,
        labels: [],
        log,
      });
      opening.defer(() => daemon.close());
      const refused = daemon.refused.then((error) => {
        throw error;
      });
      await Promise.race([daemon.connected, refused, sleep(10_000, signal).then(() => undefined)]);
      return [daemon, `${name} · ${config.process.max_concurrent_tasks} slots`];
    });
  }
  writeServerFile(paths, file);
  // The first to go: whoever looks from now on finds no server, instead of one that ends.
  opening.defer(() => removeServerFile(paths, instanceId));
  const open = opening.move();
  let closing: Promise<void> | undefined;
  return { file, key, failed: server.failed, close: () => (closing ??= open.disposeAsync()) };
}

/** Where the log of `makima up` is. */
export function hostLogFile(logDir: string): string {
  return join(logDir, "makima.log");
}

/** A client of the host's own server. */
export function ownClient(host: Host) {
  return createClient({ url: host.file.url, key: host.key });
}
