/** Asks a program that a person installed for its version or state. */
import { capture, type Captured } from "@makima/daemon/process/capture";
import { findExecutable } from "@makima/daemon/process/find-executable";

/** Shorter than a check may take, so that the check can say which program hung. */
const ASK_MS = 8000;

export interface Program {
  path: string;
  ask(args: string[], signal: AbortSignal): Promise<Captured>;
}

/** Undefined where it is not on PATH (or not there, where a path was named). */
export async function findProgram(
  command: string,
  env: NodeJS.ProcessEnv,
  cwd: string,
): Promise<Program | undefined> {
  const path = await findExecutable(command, env["PATH"] ?? "", cwd);
  if (path === undefined) return undefined;
  const plain = Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  return { path, ask: (args, signal) => capture(path, args, { timeoutMs: ASK_MS, env: plain, cwd, signal }) };
}

/** The first thing in a text that looks like a version. */
export function versionIn(text: string): string | undefined {
  return /\d+\.\d+(?:\.\d+)*/.exec(text)?.[0];
}

/** Whether a version is at least another; parts that are missing count as 0. */
export function isAtLeast(version: string, least: string): boolean {
  const [a, b] = [version, least].map((text) => text.split(".").map(Number));
  for (let at = 0; at < 3; at += 1) {
    const difference = (a?.[at] ?? 0) - (b?.[at] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}
