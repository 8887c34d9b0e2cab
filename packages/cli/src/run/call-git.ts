/** One git call that only reads: no shell, no hooks, no fsmonitor, no question, no lock, bounded in time. */
import { execFile } from "node:child_process";

export interface GitAnswer {
  /** The exit code; -1 when git did not run or was ended. */
  code: number;
  stdout: string;
  stderr: string;
  /** Why git did not run, e.g. `ENOENT`. */
  failure?: string;
}

const QUIET = [
  "--no-pager",
  "-c",
  "core.fsmonitor=false",
  "-c",
  "core.hooksPath=/dev/null",
  "-c",
  "core.quotePath=false",
];

/** Runs git with an argument array in `cwd`. Resolves whatever comes of it. */
export function callGit(cwd: string, args: readonly string[], signal?: AbortSignal): Promise<GitAnswer> {
  // A GIT_DIR that a hook or a tool left in the environment would make every answer one about another repository.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("GIT_")));
  Object.assign(env, { LC_ALL: "C", GIT_OPTIONAL_LOCKS: "0", GIT_TERMINAL_PROMPT: "0" });
  return new Promise((resolve) => {
    const options = {
      cwd,
      env,
      timeout: 30_000,
      maxBuffer: 64 * 1024 * 1024,
      encoding: "utf8" as const,
      ...(signal ? { signal } : {}),
    };
    execFile("git", [...QUIET, ...args], options, (error, stdout, stderr) => {
      if (!error) return resolve({ code: 0, stdout, stderr });
      const code: unknown = error.code;
      if (typeof code === "number") return resolve({ code, stdout, stderr });
      resolve({
        code: -1,
        stdout,
        stderr,
        failure: typeof code === "string" ? code : (error.signal ?? error.message),
      });
    });
  });
}

/** Output without the newline that git ends it with (a path may hold others). */
export function said(answer: GitAnswer): string {
  return answer.stdout.replace(/\r?\n$/, "");
}
