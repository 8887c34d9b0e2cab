/** After a crash of the daemon: ends an agent that outlived it, if it can be proved to be ours. */
import { setTimeout as delay } from "node:timers/promises";
import { isRunning, type ProcessIdentity } from "./identity.ts";
import { kill, RUN_MARKER, sweep, type SweepReport } from "./sweep.ts";

/** An orphan is not our child, so nothing tells us that it ended; it is looked at this often. */
const LOOK_MS = 20;

export interface OrphanReport extends SweepReport {
  /** The process of that pid and start time was still there. */
  found: boolean;
}

/**
 * Ends the orphan of a run, gently first (SIGTERM to its group, `graceMs`, SIGKILL), then everything that
 * carries the run's marker. A process of another start time is another process and is not touched.
 */
export async function endOrphan(
  orphan: ProcessIdentity,
  runId: string,
  graceMs = 5000,
): Promise<OrphanReport> {
  const found = isRunning(orphan);
  if (found) {
    kill(-orphan.pid, "SIGTERM");
    const deadline = Date.now() + graceMs;
    while (isRunning(orphan) && Date.now() < deadline) await delay(LOOK_MS);
    if (isRunning(orphan)) kill(-orphan.pid, "SIGKILL");
  }
  const report = await sweep({ name: RUN_MARKER, value: runId }, found ? [orphan] : []);
  return { found, ...report };
}
