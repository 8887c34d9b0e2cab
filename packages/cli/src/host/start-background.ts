/**
 * Starts `makima up` in a process of its own and waits until it answers.
 *
 * Several may do so at once: each child tries for the lock, one gets it, and all wait for the same server.json.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, watch } from "node:fs";
import { join } from "node:path";
import { sleep } from "@makima/client/sleep";
import { CliError } from "../cli-error.ts";
import type { CliContext } from "../cli-context.ts";
import type { Paths } from "./paths.ts";
import { localServer, type ServerFile } from "./server-file.ts";

export interface BackgroundOptions {
  /** Ends the server after this long without work and without clients; left out: never. */
  idleExitSecs?: number | undefined;
  signal?: AbortSignal | undefined;
  /** Milliseconds to wait for the server. */
  timeoutMs?: number;
  /** Further flags of `makima up`. */
  flags?: readonly string[];
}

export interface Background {
  file: ServerFile;
  /** Where what it says is written; undefined where the server ran already. */
  log: string | undefined;
}

const KEPT_LOGS = 10;

export async function startBackground(context: CliContext, options: BackgroundOptions): Promise<Background> {
  const { paths, out } = context;
  const running = await localServer(paths, options.signal);
  if (running?.state === "answers") return { file: running.file, log: undefined };
  mkdirSync(paths.logDir, { recursive: true, mode: 0o700 });
  pruneLogs(paths.logDir);
  const log = join(
    paths.logDir,
    `up-${new Date().toISOString().replaceAll(/[:.]/g, "-")}-${process.pid}.log`,
  );
  out.note(out.errors.paint("dim", `Starting makima in the background (log: ${log})`));
  const child = spawnUp(context, options, log);
  try {
    return { file: await serverOf(paths, child, log, options), log };
  } finally {
    child.unref();
  }
}

function spawnUp(context: CliContext, options: BackgroundOptions, log: string): ChildProcess {
  const { paths, flags, env } = context;
  const args = ["up", ...(options.flags ?? [])];
  if (options.idleExitSecs !== undefined) args.push("--idle-exit", String(options.idleExitSecs));
  if (flags.config !== undefined) args.push("--config", paths.configFile);
  if (paths.dataDirNamed) args.push("--data-dir", paths.stateDir);
  const output = openSync(log, "a", 0o600);
  try {
    return spawn(process.execPath, [...process.execArgv, process.argv[1] ?? "", ...args], {
      // Not the project's folder: its makima.toml is none of the server's, and it stays removable.
      cwd: paths.stateDir,
      detached: true,
      stdio: ["ignore", output, output],
      env: { ...env, NO_COLOR: "1" },
    });
  } finally {
    closeSync(output);
  }
}

async function serverOf(
  paths: Paths,
  child: ChildProcess,
  log: string,
  options: BackgroundOptions,
): Promise<ServerFile> {
  const over = new AbortController();
  const ended = AbortSignal.any([
    over.signal,
    AbortSignal.timeout(options.timeoutMs ?? 60_000),
    ...(options.signal ? [options.signal] : []),
  ]);
  let exit: { code: number | null; error?: Error } | undefined;
  let changed = Promise.withResolvers<void>();
  const notice = () => changed.resolve();
  child.once("exit", (code) => {
    exit = { code };
    notice();
  });
  child.once("error", (error) => {
    exit = { code: null, error };
    notice();
  });
  const watcher = watch(paths.stateDir, notice);
  try {
    for (;;) {
      changed = Promise.withResolvers<void>();
      const local = await localServer(paths, options.signal);
      if (local?.state === "answers") return local.file;
      // Exit 0 says that another process has the lock: its server is what is waited for.
      if (exit && exit.code !== 0) throw failedStart(log, exit.error);
      // Some file systems tell of no changes.
      await Promise.race([changed.promise, sleep(500, ended)]);
    }
  } catch (error) {
    options.signal?.throwIfAborted();
    if (ended.aborted && error === ended.reason) throw failedStart(log);
    throw error;
  } finally {
    over.abort();
    watcher.close();
  }
}

function failedStart(log: string, cause?: Error): CliError {
  return new CliError({
    code: "START_FAILED",
    message: "makima could not be started in the background.",
    why: cause?.message ?? (tail(log, 12) || `It did not answer in time. See ${log}`),
    next: ["makima up                         (in the foreground, to see why)", "makima doctor"],
    cause,
  });
}

function tail(file: string, lines: number): string {
  try {
    return readFileSync(file, "utf8").trimEnd().split("\n").slice(-lines).join("\n");
  } catch {
    return "";
  }
}

function pruneLogs(folder: string): void {
  const logs = readdirSync(folder)
    .filter((name) => /^up-.*\.log$/.test(name))
    .sort();
  for (const name of logs.slice(0, Math.max(0, logs.length - KEPT_LOGS + 1)))
    rmSync(join(folder, name), { force: true });
}
