/**
 * Ends what an agent left behind.
 *
 * An agent's shell commands lead sessions of their own, so no signal to its group reaches them. What does
 * reach them is the environment: every process that came from a run carries the run's marker, and is found
 * by it, together with its descendants (which may have cleaned theirs).
 */
import { spawn } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { isRunning, processFacts, type ProcessFacts, type ProcessIdentity } from "./identity.ts";

/** Environment variable that marks every process of a run. */
export const RUN_MARKER = "MAKIMA_RUN_ID";

export interface Marker {
  name: string;
  value: string;
}

export interface SweepReport {
  /** Pids that were ended. */
  ended: number[];
  /** Pids that outlived SIGKILL (stuck in the kernel) when time ran out. */
  left: number[];
}

const READ_AT_ONCE = 16;
/** How long processes may take to vanish after SIGKILL, and how often that is looked at: nothing tells us. */
const VANISH_MS = 5000;
const LOOK_MS = 5;

/** Running processes that carry `marker`, and their descendants. Never this process itself. */
export async function findMarked(marker: Marker): Promise<ProcessIdentity[]> {
  const { all, marked } = process.platform === "linux" ? await scanProc(marker) : await scanPs(marker);
  const found = new Set(marked);
  for (let grew = true; grew;) {
    grew = false;
    for (const facts of all) {
      if (found.has(facts.pid) || !found.has(facts.parent)) continue;
      found.add(facts.pid);
      grew = true;
    }
  }
  found.delete(process.pid);
  return all.filter((facts) => found.has(facts.pid) && !facts.zombie);
}

/** Ends every process that carries `marker`, and those of `known` that still run, and what they start meanwhile. */
export async function sweep(marker: Marker, known: ProcessIdentity[] = []): Promise<SweepReport> {
  const ended = new Set<number>();
  const deadline = Date.now() + VANISH_MS;
  for (;;) {
    const targets = new Map(known.filter(isRunning).map((identity) => [identity.pid, identity]));
    for (const identity of await findMarked(marker)) targets.set(identity.pid, identity);
    if (targets.size === 0) return { ended: [...ended], left: [] };
    for (const identity of targets.values()) {
      if (!isRunning(identity)) continue;
      kill(identity.pid, "SIGKILL");
      ended.add(identity.pid);
    }
    let remaining = [...targets.values()];
    while ((remaining = remaining.filter(isRunning)).length > 0) {
      if (Date.now() > deadline) {
        const left = remaining.map((identity) => identity.pid);
        return { ended: [...ended].filter((pid) => !left.includes(pid)), left };
      }
      await delay(LOOK_MS);
    }
  }
}

/** Sends a signal; that the process is gone already is no error. A negative pid names a group. */
export function kill(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

interface Scan {
  all: ProcessFacts[];
  marked: number[];
}

async function scanProc(marker: Marker): Promise<Scan> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const wanted = `\0${marker.name}=${marker.value}\0`;
  const scan: Scan = { all: [], marked: [] };
  const queue = pids.values();
  async function look() {
    for (const pid of queue) {
      const facts = processFacts(pid);
      if (!facts) continue;
      scan.all.push(facts);
      // Another user's process cannot be read, and is not ours.
      const environment = await readFile(`/proc/${pid}/environ`, "latin1").catch(() => "");
      if (`\0${environment}\0`.includes(wanted)) scan.marked.push(pid);
    }
  }
  await Promise.all(Array.from({ length: READ_AT_ONCE }, look));
  return scan;
}

/** Where there is no /proc (macOS), `ps` shows the environment of one's own processes. */
async function scanPs(marker: Marker): Promise<Scan> {
  const ps = spawn("ps", ["-axwwE", "-o", "pid=,command="], { stdio: ["ignore", "pipe", "ignore"] });
  let text = "";
  ps.stdout.setEncoding("utf8");
  for await (const chunk of ps.stdout) text += chunk;
  const wanted = `${marker.name}=${marker.value}`;
  const scan: Scan = { all: [], marked: [] };
  for (const line of text.split("\n")) {
    const found = /^\s*(\d+)\s(.*)$/.exec(line);
    if (!found?.[2]?.split(" ").includes(wanted)) continue;
    const facts = processFacts(Number(found[1]));
    if (!facts) continue;
    scan.all.push(facts);
    scan.marked.push(facts.pid);
  }
  return scan;
}
