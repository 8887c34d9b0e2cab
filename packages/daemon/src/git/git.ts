/**
 * The one place that starts git. Arguments are an array, never a shell line; the git directory and the
 * work tree are named by the caller, never looked for; what a repository's config could start is off.
 */
import { spawn } from "node:child_process";
import { stat } from "node:fs/promises";
import type { Readable } from "node:stream";
import { gitEnvironment, globalOptions, type GitProfile } from "./environment.ts";
import { complaint, GitError } from "./error.ts";

export interface GitOptions {
  /** Git directory. Left out only by what makes one (`init`, `clone`) or looks for one (`inspect`). */
  readonly gitDir?: string;
  readonly workTree?: string;
  /** Folder to run in; by default the work tree, else the git directory. */
  readonly cwd?: string;
  /** Default `local`. */
  readonly profile?: GitProfile;
  /** Permit `file` addresses in the `person` profile. */
  readonly allowFile?: boolean;
  /** More `-c` settings, as `key=value`. */
  readonly config?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array | Readable;
  readonly signal?: AbortSignal | undefined;
  /** Default 10 minutes. */
  readonly timeoutMs?: number;
  /** Default 256 MiB. More is an error, or cut off when `truncate` is set. */
  readonly maxOutputBytes?: number;
  readonly truncate?: boolean;
  /** Exit codes that are answers rather than failures. Default only 0. */
  readonly okCodes?: readonly number[];
}

export interface GitResult {
  readonly exitCode: number;
  readonly stdout: Buffer;
  readonly stderr: string;
  readonly truncated: boolean;
}

const DEFAULT_TIMEOUT_MS = 600_000;
const DEFAULT_OUTPUT_BYTES = 256 * 1024 * 1024;
const STDERR_BYTES = 256 * 1024;
/** Between the polite signal and the one that cannot be refused. */
const KILL_AFTER_MS = 2_000;

export interface GitProcess {
  readonly args: readonly string[];
  readonly stdin: import("node:stream").Writable;
  readonly stdout: Readable;
  /** Settles when git has ended; rejects with `git_missing` when it could not start. Never by exit code. */
  readonly ended: Promise<{ exitCode: number; stderr: string }>;
  /** Ends git and what it started. Harmless when it has ended. */
  stop(): void;
}

/** Starts git and leaves its streams to the caller. The caller must await `ended`. */
export function startGit(args: readonly string[], options: GitOptions = {}): GitProcess {
  const profile = options.profile ?? "local";
  const full = globalOptions(profile, options.config ?? []);
  if (options.gitDir !== undefined) full.push(`--git-dir=${options.gitDir}`);
  if (options.workTree !== undefined) full.push(`--work-tree=${options.workTree}`);
  full.push(...inert(args));
  const cwd = options.cwd ?? options.workTree ?? options.gitDir;
  const child = spawn("git", full, {
    cwd,
    env: { ...gitEnvironment(profile, options.allowFile ?? false, process.env), ...options.env },
    stdio: ["pipe", "pipe", "pipe"],
    // A group and session of its own: all of it can be ended, and ssh finds no terminal to ask on.
    detached: true,
  });
  let late: NodeJS.Timeout | undefined;
  const stop = (): void => {
    if (child.exitCode !== null || child.signalCode !== null || late !== undefined) return;
    signalGroup(child.pid, "SIGTERM");
    late = setTimeout(() => signalGroup(child.pid, "SIGKILL"), KILL_AFTER_MS);
  };
  const complaints: Buffer[] = [];
  let kept = 0;
  child.stderr.on("data", (chunk: Buffer) => {
    if (kept < STDERR_BYTES) complaints.push(chunk);
    kept += chunk.length;
  });
  // A git that ends early closes its input; that shows in its exit code.
  child.stdin.on("error", () => {});
  options.signal?.addEventListener("abort", stop, { once: true });
  const ended = new Promise<{ exitCode: number; stderr: string }>((resolve, reject) => {
    let started = true;
    child.once("error", (cause) => {
      started = false;
      startFailure(cause, cwd).then(reject, reject);
    });
    child.once("close", (code) => {
      if (!started) return;
      clearTimeout(late);
      resolve({ exitCode: code ?? -1, stderr: Buffer.concat(complaints).toString("utf8") });
    });
  }).finally(() => options.signal?.removeEventListener("abort", stop));
  if (options.signal?.aborted) stop();
  return { args, stdin: child.stdin, stdout: child.stdout, ended, stop };
}

/** Verbs that would start diff programs and text conversions of a repository's config and attributes. */
const SHOWING = new Set(["diff", "diff-tree", "diff-index", "diff-files", "show", "log", "format-patch"]);

function inert(args: readonly string[]): readonly string[] {
  const [verb = "", ...rest] = args;
  return SHOWING.has(verb) ? [verb, "--no-ext-diff", "--no-textconv", ...rest] : args;
}

/**
 * Runs git to its end. Throws `GitError` (`git_missing`, `timed_out`, `output_too_large`, `git_failed`), or
 * the signal's reason when it was aborted.
 */
export async function runGit(args: readonly string[], options: GitOptions = {}): Promise<GitResult> {
  options.signal?.throwIfAborted();
  const git = startGit(args, options);
  const limit = options.maxOutputBytes ?? DEFAULT_OUTPUT_BYTES;
  const chunks: Buffer[] = [];
  let size = 0;
  git.stdout.on("data", (chunk: Buffer) => {
    if (size <= limit) chunks.push(chunk);
    size += chunk.length;
    if (size > limit) git.stop();
  });
  let late = false;
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const timer = setTimeout(() => {
    late = true;
    git.stop();
  }, timeoutMs);
  feed(git, options.input);
  const { exitCode, stderr } = await git.ended.finally(() => clearTimeout(timer));
  options.signal?.throwIfAborted();
  const stdout = Buffer.concat(chunks);
  if (late) {
    throw new GitError(
      "timed_out",
      `git ${args[0]} did not end within ${Math.round(timeoutMs / 1000)} s and was stopped. Look at the disk and network of this host, then try again.`,
      { args, stderr },
    );
  }
  if (size > limit) {
    if (options.truncate) return { exitCode: 0, stdout: stdout.subarray(0, limit), stderr, truncated: true };
    throw new GitError(
      "output_too_large",
      `git ${args[0]} answered with more than ${limit} bytes. Ask for less: fewer files or a smaller range.`,
      { args },
    );
  }
  if (!(options.okCodes ?? [0]).includes(exitCode)) throw failure(args, options, exitCode, stderr);
  return { exitCode, stdout, stderr, truncated: false };
}

/** Standard output as text without its last line end. */
export async function gitText(args: readonly string[], options: GitOptions = {}): Promise<string> {
  return (await runGit(args, options)).stdout.toString("utf8").replace(/\n$/, "");
}

/** NUL-ended fields of the output as text. */
export async function gitFields(args: readonly string[], options: GitOptions = {}): Promise<string[]> {
  return fields((await runGit(args, options)).stdout, "utf8");
}

/** Splits NUL-ended fields. `latin1` keeps every byte of a path that is not UTF-8. */
export function fields(output: Buffer, encoding: "utf8" | "latin1"): string[] {
  if (output.length === 0) return [];
  const all = output.toString(encoding).split("\0");
  if (all.at(-1) === "") all.pop();
  return all;
}

function failure(args: readonly string[], options: GitOptions, exitCode: number, stderr: string): GitError {
  const where = options.workTree ?? options.gitDir ?? options.cwd;
  return new GitError(
    "git_failed",
    `git ${args[0]} failed${where === undefined ? "" : ` in ${where}`} with exit code ${exitCode}: ${complaint(stderr)}. Put right what git names and try again.`,
    { args, exitCode, stderr, ...(where === undefined ? {} : { path: where }) },
  );
}

function feed(git: GitProcess, input: GitOptions["input"]): void {
  if (input === undefined) git.stdin.end();
  else if (typeof input === "string" || input instanceof Uint8Array) git.stdin.end(input);
  else input.pipe(git.stdin);
}

function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended in the meantime.
  }
}

async function startFailure(cause: unknown, cwd: string | undefined): Promise<GitError> {
  const folder = cwd === undefined ? undefined : await stat(cwd).catch(() => undefined);
  if (cwd !== undefined && !folder?.isDirectory()) {
    return new GitError(
      "not_a_repository",
      `The folder ${cwd} does not exist, so git cannot run in it. Check the path.`,
      { path: cwd },
      cause,
    );
  }
  return new GitError(
    "git_missing",
    "The program git could not be started. Install git 2.38 or newer (for example: apt install git) and make sure that it is on the daemon's PATH.",
    {},
    cause,
  );
}
