/**
 * Proof that a process is still the one that makima started.
 *
 * A pid alone proves nothing: it is given out again. Pid, start time and boot together name one process.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

export interface ProcessIdentity {
  pid: number;
  /** Opaque; equal only for the same process of the same boot. */
  startTime: string;
}

export interface ProcessFacts extends ProcessIdentity {
  parent: number;
  group: number;
  /** Ended and only waiting to be reaped. */
  zombie: boolean;
}

let boot: string | undefined;

/** What the system says about `pid` now; `undefined` when there is no such process. */
export function processFacts(pid: number): ProcessFacts | undefined {
  return process.platform === "linux" ? fromProc(pid) : fromPs(pid);
}

/** Start time of a running process, to be stored beside its pid. */
export function startTimeOf(pid: number): string | undefined {
  return processFacts(pid)?.startTime;
}

/** Whether that very process still runs (one that ended but was not reaped does not). */
export function isRunning(identity: ProcessIdentity): boolean {
  const facts = processFacts(identity.pid);
  return facts !== undefined && !facts.zombie && facts.startTime === identity.startTime;
}

function fromProc(pid: number): ProcessFacts | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    boot ??= readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
  } catch {
    return undefined;
  }
  return factsOfStat(pid, stat, boot);
}

/** The name in a stat line may hold spaces and parentheses: fields are counted from the last one on. */
export function factsOfStat(pid: number, stat: string, boot: string): ProcessFacts | undefined {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, parent, group] = fields;
  const ticks = fields[19];
  if (ticks === undefined) return undefined;
  return {
    pid,
    startTime: `${ticks}@${boot}`,
    parent: Number(parent),
    group: Number(group),
    zombie: state === "Z" || state === "X",
  };
}

function fromPs(pid: number): ProcessFacts | undefined {
  const ps = spawnSync("ps", ["-o", "ppid=,pgid=,stat=,lstart=", "-p", String(pid)], {
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C" },
  });
  const found = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.+?)\s*$/.exec(ps.stdout ?? "");
  if (ps.status !== 0 || !found) return undefined;
  const [, parent, group, state = "", startTime = ""] = found;
  return { pid, startTime, parent: Number(parent), group: Number(group), zombie: state.startsWith("Z") };
}
