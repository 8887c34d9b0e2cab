/** Programs that a figure starts: each ends with it. */
import { spawn, type ChildProcess, type SpawnOptions } from "node:child_process";
import { once } from "node:events";
import type { Bench } from "./figure.ts";

/** Starts a program that the figure ends at the latest when it is over: asked first, then made to. */
export function start(bench: Bench, program: string, args: string[], options: SpawnOptions): ChildProcess {
  const child = spawn(program, args, options);
  child.on("error", () => undefined);
  bench.stack.defer(() => end(child));
  return child;
}

/** Asks with SIGTERM, insists after `patienceMs`; resolves when it is gone. */
export async function end(child: ChildProcess, patienceMs = 15_000): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), patienceMs);
  await gone;
  clearTimeout(timer);
}

/** Runs a program to its end without looking at what it prints. Throws when it fails. */
export async function run(program: string, args: string[], options: SpawnOptions = {}): Promise<void> {
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"], ...options });
  let said = "";
  child.stderr?.on("data", (chunk) => (said += String(chunk)));
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0)
    throw new Error(`${program} ${args.slice(0, 3).join(" ")} ended with ${code}: ${said.slice(-500)}`);
}
