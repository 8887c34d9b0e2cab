/** Stops the makima of a data folder: asks gently, and waits until its process is gone. */
import { rmSync } from "node:fs";
import { sleep } from "@makima/client/sleep";
import { isRunning } from "@makima/daemon/process/identity";
import { CliError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";
import { readHolder } from "./lock.ts";
import type { Paths } from "./paths.ts";
import { localServer } from "./server-file.ts";

/**
 * The process that was stopped; undefined where none ran. A process counts only while its start time is the
 * one that was written down: a number that was given out again is never signalled.
 */
export async function stopLocal(
  paths: Paths,
  timeoutMs: number,
  onStopping: () => void,
): Promise<{ pid: number } | undefined> {
  const local = await localServer(paths);
  // One that has not come so far as to write server.json still holds the lock.
  const target = local && isRunning(local.file) ? local.file : readHolder(paths.lockFile);
  if (!target) {
    if (local?.state === "gone") rmSync(paths.serverFile, { force: true });
    return undefined;
  }
  onStopping();
  process.kill(target.pid, "SIGTERM");
  const deadline = Date.now() + timeoutMs;
  while (isRunning(target)) {
    if (Date.now() > deadline) {
      throw new CliError({
        code: "STILL_RUNNING",
        message: `Process ${target.pid} did not end within ${timeoutMs / 1000} s.`,
        why: "It may be waiting for an agent to be checkpointed.",
        next: [
          "makima down --timeout 600",
          `kill -9 ${target.pid}              (loses nothing that was checkpointed)`,
        ],
        exit: EXIT.timeout,
      });
    }
    await sleep(50);
  }
  return { pid: target.pid };
}
