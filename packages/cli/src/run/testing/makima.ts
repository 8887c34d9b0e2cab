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
  /** When a line of stdout, of now or of later, holds `part`; rejects when the process ends without one. */
  line(part: string): Promise<void>;
  kill(signal: NodeJS.Signals): void;
}

export interface MakimaOptions {
  server?: FakeServer | undefined;
  cwd?: string;
  stdin?: string;
  env?: Record<string, string>;
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
  const waiting = new Set<() => void>();
  const wake = () => {
    for (const look of waiting) look();
  };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    wake();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const ended = new Promise<RanMakima>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      home[Symbol.dispose]();
      resolve({ code, stdout, stderr });
    });
  });
  function line(part: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (!stdout.slice(0, stdout.lastIndexOf("\n") + 1).includes(part)) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
      ended.then(
        ({ code }) => reject(new Error(`It ended with ${code} before it said ${part}: ${stdout}${stderr}`)),
        reject,
      );
    });
  }
  return { ended, line, kill: (signal) => void child.kill(signal) };
}

export function makima(args: readonly string[], options: MakimaOptions = {}): Promise<RanMakima> {
  return startMakima(args, options).ended;
}
