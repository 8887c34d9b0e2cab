/**
 * Runs the script's commands as claude's Bash tool does: in a shell that leads a session of its own (so that
 * killing the agent's process group does not reach it), with no input, and waiting for the shell itself, not for
 * what it left behind holding its output.
 */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { closeSync, existsSync, fstatSync, openSync, readSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

export interface ShellOptions {
  readonly cwd: string;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface ShellEnd {
  /** Of the shell; 128 + n after signal n is told as null. */
  readonly exitCode: number | null;
  /** What it wrote on stdout and stderr, in the order of writing. */
  readonly output: string;
  readonly ending: "exited" | "interrupted" | "timedOut";
}

const SHELL = existsSync("/bin/bash") ? "/bin/bash" : "/bin/sh";
const running = new Set<number>();

/** Ends what still runs of the commands, with their whole groups. */
export function killShells(): void {
  for (const pid of running) killGroup(pid);
}

export function runShell(command: string, { cwd, signal, timeoutMs, env }: ShellOptions): Promise<ShellEnd> {
  const path = join(tmpdir(), `makima-sim-${randomUUID()}`);
  const file = openSync(path, "ax+", 0o600);
  unlinkSync(path);
  const child = spawn(SHELL, ["-c", command], {
    cwd,
    detached: true,
    stdio: ["ignore", file, file],
    env: { ...environment(), ...env },
  });
  let ending: ShellEnd["ending"] = "exited";
  const end = (why: ShellEnd["ending"]) => {
    ending = why;
    if (child.pid !== undefined) killGroup(child.pid);
  };
  const interrupt = () => end("interrupted");
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => end("timedOut"), timeoutMs);
  signal?.addEventListener("abort", interrupt, { once: true });
  if (child.pid !== undefined) running.add(child.pid);

  const { promise, resolve, reject } = Promise.withResolvers<ShellEnd>();
  const finish = () => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", interrupt);
    if (child.pid !== undefined) running.delete(child.pid);
  };
  child.once("error", (error) => {
    finish();
    closeSync(file);
    reject(error);
  });
  child.once("exit", (exitCode) => {
    finish();
    const output = readAll(file);
    closeSync(file);
    resolve({ exitCode, output, ending });
  });
  if (signal?.aborted) interrupt();
  return promise;
}

/**
 * Ours, less what would make a `node --test` of the script believe that it belongs to a test run around us, and
 * with our own node as the last resort of a PATH that has none.
 */
function environment(): NodeJS.ProcessEnv {
  const { NODE_TEST_CONTEXT: _ours, ...inherited } = process.env;
  return { ...inherited, PATH: [process.env["PATH"], dirname(process.execPath)].filter(Boolean).join(":") };
}

export const quote = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

function readAll(file: number): string {
  const bytes = Buffer.alloc(fstatSync(file).size);
  const read = readSync(file, bytes, 0, bytes.length, 0);
  return bytes.subarray(0, read).toString("utf8");
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Gone already.
  }
}
