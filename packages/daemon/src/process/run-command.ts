/**
 * Runs a command that the person configured (setup, tests, lint): theirs to write, so it runs in a shell.
 *
 * It gets a process group and a marker of its own; when it ends, is aborted or takes too long, nothing of it
 * is left running.
 */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { stat } from "node:fs/promises";
import { performance } from "node:perf_hooks";
import { within } from "./clock.ts";
import { createTail } from "./output-tail.ts";
import { ProcessError } from "./process-error.ts";
import type { Redactor } from "./redact.ts";
import { kill, sweep } from "./sweep.ts";

const COMMAND_MARKER = "MAKIMA_COMMAND_ID";
/** From SIGTERM to SIGKILL. */
const TERM_MS = 2000;
/** How long output may still come once every process that could write it was ended. */
const DRAIN_MS = 1000;

export interface CommandSpec {
  command: string;
  /** Put before the shell: a sandbox and its arguments. */
  wrap?: string[];
  cwd: string;
  env: Record<string, string>;
  /** 0: none. */
  timeoutMs: number;
  /** Characters of output that are kept. */
  tailCharacters?: number;
  /** Output as it comes, masked; stdout and stderr together. */
  onOutput?: (text: string) => void;
  redactor?: Redactor;
  signal?: AbortSignal;
}

export interface CommandResult {
  /** null when a signal ended it. */
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  timedOut: boolean;
  aborted: boolean;
  durationMs: number;
  outputTail: string;
  outputBytes: number;
}

/** Throws `ProcessError` cwd_missing or spawn_failed; that the command fails is a result. */
export async function runCommand(spec: CommandSpec): Promise<CommandResult> {
  if (!(await stat(spec.cwd).catch(() => undefined))?.isDirectory()) {
    const message = `The folder ${spec.cwd} is not there any more. Retry the task to have it made again.`;
    throw new ProcessError("cwd_missing", message);
  }
  const marker = { name: COMMAND_MARKER, value: randomUUID() };
  const [program = "/bin/sh", ...args] = [...(spec.wrap ?? []), "/bin/sh", "-c", spec.command];
  const began = performance.now();
  const child = spawn(program, args, {
    cwd: spec.cwd,
    env: { ...spec.env, [marker.name]: marker.value },
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const tail = createTail(spec.tailCharacters ?? 64 * 1024);
  const masked = spec.redactor?.stream();
  let outputBytes = 0;
  const give = (text: string) => {
    if (text === "") return;
    tail.push(text);
    spec.onOutput?.(text);
  };
  for (const pipe of [child.stdout, child.stderr]) {
    pipe.on("data", (chunk: Buffer) => (outputBytes += chunk.length));
    // Read as strings, a character that is split over chunks stays whole.
    const decoder = new TextDecoder();
    pipe.on("data", (chunk: Buffer) => {
      const text = decoder.decode(chunk, { stream: true });
      give(masked ? masked.push(text) : text);
    });
  }
  const closed = once(child, "close");
  closed.catch(() => undefined);
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
    child.once("error", (cause) => {
      const message = `The command could not be started with ${program}: ${cause.message}. Try again.`;
      reject(new ProcessError("spawn_failed", message, { cause }));
    });
  });

  let timedOut = false;
  let aborted = false;
  const end = async () => {
    if (child.pid === undefined) return;
    kill(-child.pid, "SIGTERM");
    if (!(await within(ended, TERM_MS))) kill(-child.pid, "SIGKILL");
  };
  const timer =
    spec.timeoutMs > 0
      ? setTimeout(() => {
          timedOut = true;
          void end();
        }, spec.timeoutMs)
      : undefined;
  const abort = () => {
    aborted = true;
    void end();
  };
  if (spec.signal?.aborted) abort();
  spec.signal?.addEventListener("abort", abort, { once: true });
  try {
    const { code, signal } = await ended;
    await sweep(marker);
    if (!(await within(closed, DRAIN_MS))) {
      child.stdout.destroy();
      child.stderr.destroy();
    }
    if (masked) give(masked.end());
    const durationMs = Math.round(performance.now() - began);
    return {
      exitCode: code,
      signal,
      timedOut,
      aborted,
      durationMs,
      outputTail: tail.text(),
      outputBytes,
    };
  } finally {
    clearTimeout(timer);
    spec.signal?.removeEventListener("abort", abort);
  }
}
