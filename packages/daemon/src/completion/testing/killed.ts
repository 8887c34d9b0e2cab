/**
 * A program that does one step of a task's life and kills itself right before its n-th call of git. Prints
 * how many calls it made when it got to the end.
 */
import childProcess from "node:child_process";
import { syncBuiltinESMExports } from "node:module";

const killAt = Number(process.env["KILL_AT"]);
const { spawn } = childProcess;
let calls = 0;
Object.assign(childProcess, {
  spawn: (...args: Parameters<typeof spawn>) => {
    calls += 1;
    if (calls === killAt) process.kill(process.pid, "SIGKILL");
    return spawn(...args);
  },
});
syncBuiltinESMExports();

const { KeyedLock } = await import("../../git/keyed-lock.ts");
const steps: Record<string, (request: never) => Promise<unknown>> = {
  create: (await import("../../worktree/create.ts")).createWorktree,
  take: (await import("../../checkpoint/take.ts")).takeCheckpoint,
  commit: (await import("../commit.ts")).commitLeftovers,
  merge: (await import("../merge.ts")).mergeBranch,
  remove: (await import("../../worktree/remove.ts")).removeWorktree,
};
const request = JSON.parse(process.env["REQUEST"] ?? "{}") as Record<string, unknown>;
const step = steps[process.env["STEP"] ?? ""];
await step?.({ ...request, locks: new KeyedLock(), isRunning: () => false } as never);
process.stdout.write(String(calls));
