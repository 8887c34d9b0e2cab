/** Runs a small program to its end and takes what it says: versions, states, probes. Never a shell. */
import { execFile } from "node:child_process";
import { hasCode, ProcessError } from "./process-error.ts";

export interface Captured {
  /** null when a signal ended it. */
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface CaptureOptions {
  timeoutMs: number;
  env: Record<string, string>;
  cwd?: string;
  signal?: AbortSignal;
}

const MOST_BYTES = 1024 * 1024;

/** Throws `ProcessError` agent_missing when there is no such program, timed_out when it took too long. */
export function capture(command: string, args: string[], options: CaptureOptions): Promise<Captured> {
  return new Promise((resolve, reject) => {
    const { timeoutMs, ...rest } = options;
    const child = execFile(
      command,
      args,
      { ...rest, timeout: timeoutMs, maxBuffer: MOST_BYTES, killSignal: "SIGKILL", encoding: "utf8" },
      (cause, stdout, stderr) => {
        if (!cause) return resolve({ code: 0, stdout, stderr });
        if (hasCode(cause, "ENOENT", "EACCES", "ENOEXEC")) {
          const message = `"${command}" was not found or may not be executed. Install it, or name its path.`;
          return reject(new ProcessError("agent_missing", message, { cause }));
        }
        if (cause.killed) {
          const message = `"${command} ${args.join(" ")}" did not end within ${timeoutMs / 1000} s. Run it by hand to see why.`;
          return reject(new ProcessError("timed_out", message, { cause }));
        }
        return resolve({ code: typeof cause.code === "number" ? cause.code : null, stdout, stderr });
      },
    );
    child.stdin?.end();
  });
}
