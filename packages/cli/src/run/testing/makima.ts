/** Runs the command line as a real process, away from the person's own configuration. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { FAKE_KEY, type FakeServer } from "./fake-server.ts";
import { scratch } from "./scratch-repository.ts";

const MAIN = fileURLToPath(new URL("../../main.ts", import.meta.url));

export interface RanMakima {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface RunningMakima {
  ended: Promise<RanMakima>;
  kill(signal: NodeJS.Signals): void;
}

export interface MakimaOptions {
  server?: FakeServer | undefined;
  cwd?: string;
  stdin?: string;
  env?: Record<string, string>;
  /** Each line of stdout as it comes. */
  onLine?: (line: string) => void;
}

export function startMakima(args: readonly string[], options: MakimaOptions = {}): RunningMakima {
  const home = scratch("folder", "makima-home-");
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: options.cwd ?? home.path,
    env: {
      PATH: process.env["PATH"] ?? "",
      HOME: home.path,
      XDG_RUNTIME_DIR: home.path,
      ...(options.server ? { MAKIMA_API_URL: options.server.url, MAKIMA_API_KEY: FAKE_KEY } : {}),
      ...options.env,
    },
  });
  child.stdin.end(options.stdin ?? "");
  let stdout = "";
  let stderr = "";
  let line = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    const lines = (line + text).split("\n");
    line = lines.pop() ?? "";
    for (const each of lines) options.onLine?.(each);
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const ended = new Promise<RanMakima>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      home[Symbol.dispose]();
      resolve({ code, stdout, stderr });
    });
  });
  return { ended, kill: (signal) => void child.kill(signal) };
}

export function makima(args: readonly string[], options: MakimaOptions = {}): Promise<RanMakima> {
  return startMakima(args, options).ended;
}
