/** Runs one of PostgreSQL's programs to its end. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import type { ClusterHome } from "./cluster-home.ts";

export interface Ran {
  /** Exit code; null when a signal ended it or it could not be started. */
  code: number | null;
  /** What it printed on both streams, at most the last 64 KiB. */
  output: string;
}

/** The environment that PostgreSQL's programs get: nothing of the person's PG* settings reaches them. */
export function programEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env["PATH"] ?? "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC", HOME: "/" };
}

export function runProgram(
  home: ClusterHome,
  name: string,
  args: string[],
  signal?: AbortSignal,
): Promise<Ran> {
  return new Promise((resolve) => {
    let output = "";
    const child = spawn(join(home.bin, name), args, {
      stdio: ["ignore", "pipe", "pipe"],
      cwd: "/",
      env: programEnvironment(),
      ...home.runAs,
      ...(signal ? { signal } : {}),
    });
    const keep = (chunk: string): void => {
      output = (output + chunk).slice(-65_536);
    };
    child.stdout.setEncoding("utf8").on("data", keep);
    child.stderr.setEncoding("utf8").on("data", keep);
    child.on("error", (error) => {
      keep(error.message);
      resolve({ code: null, output });
    });
    child.on("close", (code) => resolve({ code, output }));
  });
}
