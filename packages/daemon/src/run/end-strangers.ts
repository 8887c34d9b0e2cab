/**
 * Agents of runs that the journal does not know any more, because it was damaged or lost: nobody would stop
 * them. The folders of their output prove that they were this daemon's.
 */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { asideRuns, heldRuns } from "../journal/runs.ts";
import { RUN_MARKER, sweep } from "../process/sweep.ts";
import type { RunContext } from "./context.ts";

export async function endStrangers({ journal, paths, log }: RunContext): Promise<void> {
  const folder = join(paths.stateDir, "spools");
  const held = new Set(heldRuns(journal).map(({ spec }) => spec.runId));
  const kept = new Set(asideRuns(journal));
  const runIds = (await readdir(folder).catch(() => [])).filter((name) => !held.has(name));
  for (const runId of runIds) {
    const { ended } = await sweep({ name: RUN_MARKER, value: runId });
    if (ended.length > 0)
      log.warn({ runId, ended }, "processes of a run that is not in the journal were ended");
    if (!kept.has(runId)) await rm(join(folder, runId), { recursive: true, force: true });
  }
}
