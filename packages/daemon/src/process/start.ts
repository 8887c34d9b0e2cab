/**
 * Starts an agent's process: in a group of its own, with a clean environment, output into spool files and
 * input kept open.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { stat } from "node:fs/promises";
import type { Writable } from "node:stream";
import { findExecutable } from "./find-executable.ts";
import { startTimeOf, type ProcessIdentity } from "./identity.ts";
import { hasCode, ProcessError } from "./process-error.ts";
import { openSpool } from "./spool.ts";
import { RUN_MARKER } from "./sweep.ts";

export interface StartSpec {
  command: string;
  args: string[];
  /** Put before the command: a sandbox and its arguments. */
  wrap?: string[];
  /** Absolute; must exist. */
  cwd: string;
  /** The whole environment; nothing is inherited. The run's marker is added. */
  env: Record<string, string>;
  runId: string;
  /** Spool files, made if they are not there. */
  stdout: string;
  stderr: string;
}

export interface ExitStatus {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface StartedProcess extends ProcessIdentity {
  stdin: Writable;
  /** Resolves when the process itself has ended; its children may still run. */
  exited: Promise<ExitStatus>;
}

/** Throws `ProcessError`: agent_missing, cwd_missing, sandbox_missing, argument_too_long, disk_full, … */
export async function startProcess(spec: StartSpec): Promise<StartedProcess> {
  await requireFolder(spec.cwd);
  const path = spec.env["PATH"] ?? "";
  const command = await findExecutable(spec.command, path, spec.cwd);
  if (command === undefined) {
    throw new ProcessError(
      "agent_missing",
      `"${spec.command}" was not found on this machine (PATH is ${path || "empty"}). Install it, or name it in [process] claude_command; "makima doctor" shows what is found.`,
    );
  }
  const [program = command, ...args] = [...(spec.wrap ?? []), command, ...spec.args];
  if (program !== command && !(await findExecutable(program, path, spec.cwd))) {
    throw new ProcessError(
      "sandbox_missing",
      `The sandbox program ${program} was not found. Install bubblewrap (apt-get install bubblewrap), or switch the sandbox off.`,
    );
  }
  const stdout = await openSpool(spec.stdout);
  try {
    const stderr = await openSpool(spec.stderr);
    try {
      const child = spawnIn(spec, program, args, stdout.fd, stderr.fd);
      return await started(child, program);
    } finally {
      await stderr.close();
    }
  } finally {
    await stdout.close();
  }
}

function spawnIn(spec: StartSpec, program: string, args: string[], stdout: number, stderr: number) {
  try {
    return spawn(program, args, {
      cwd: spec.cwd,
      env: { ...spec.env, [RUN_MARKER]: spec.runId },
      detached: true,
      stdio: ["pipe", stdout, stderr],
    });
  } catch (cause) {
    throw worded(cause, program);
  }
}

async function started(child: ChildProcess, program: string): Promise<StartedProcess> {
  const { pid, stdin } = child;
  // Read at once, before the process can be reaped and its pid given out again.
  const startTime = pid === undefined ? undefined : startTimeOf(pid);
  const exited = new Promise<ExitStatus>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (cause) => reject(worded(cause, program)));
  });
  if (pid === undefined || startTime === undefined || stdin === null) {
    throw new ProcessError("spawn_failed", `${program} ended before it could be followed. Try again.`);
  }
  // An agent that ends while we write breaks the pipe; that it ended is told by `exited`.
  stdin.on("error", () => undefined);
  child.on("error", () => undefined);
  return { pid, startTime, stdin, exited };
}

async function requireFolder(cwd: string): Promise<void> {
  const found = await stat(cwd).catch(() => undefined);
  if (found?.isDirectory()) return;
  throw new ProcessError(
    "cwd_missing",
    `The folder ${cwd} is not there any more. Retry the task: its worktree is made again from the last checkpoint.`,
  );
}

function worded(cause: unknown, program: string): ProcessError {
  if (hasCode(cause, "ENOENT")) {
    const message = `${program} cannot be started: the interpreter it names is missing. Install it, or reinstall the agent.`;
    return new ProcessError("agent_missing", message, { cause });
  }
  if (hasCode(cause, "EACCES", "EPERM", "ENOEXEC")) {
    const message = `${program} may not be executed or is no program for this machine. Check its permissions, or reinstall it.`;
    return new ProcessError("agent_missing", message, { cause });
  }
  if (hasCode(cause, "E2BIG")) {
    const message = `The arguments for ${program} are longer than the system allows. Shorten claude_args or the system prompt.`;
    return new ProcessError("argument_too_long", message, { cause });
  }
  if (hasCode(cause, "EAGAIN", "EMFILE", "ENFILE", "ENOMEM")) {
    const message = `The system has no room for another process. Lower [process] max_concurrent_tasks or raise its limits.`;
    return new ProcessError("too_many_processes", message, { cause });
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ProcessError("spawn_failed", `${program} could not be started: ${reason}. Try again.`, {
    cause,
  });
}
