/** Whether a daemon may take a step that cannot be undone: only for the live run of the task's current epoch. */
import { sql } from "kysely";
import type { Deps } from "../deps.ts";
import { isUuid } from "../store/resolve.ts";

export interface AskLeave {
  daemonId: string;
  runId: string;
  taskId: string;
  epoch: number;
}

/**
 * Also for a completion action that a person asked for again: its run is over, its task done and untouched
 * since. The lease must not have run out by the database's clock: a daemon that slept asks before it acts.
 */
export async function askLeave(
  deps: Deps,
  { daemonId, runId, taskId, epoch }: AskLeave,
): Promise<{ granted: boolean; currentEpoch?: number }> {
  if (!isUuid(runId) || !isUuid(taskId)) return { granted: false };
  const { rows } = await sql<{ epoch: number; granted: boolean }>`
    select t.epoch, t.epoch = ${epoch} and t.run_id = r.id and (
        r.state = 'live' and t.status in ('assigned', 'starting', 'running')
        or t.status = 'done' and t.action_retrying
      ) as granted
    from makima.run r join makima.task t on t.id = r.task_id
    where r.id = ${runId} and r.task_id = ${taskId} and r.daemon_id = ${daemonId} and r.epoch = ${epoch}`.execute(
    deps.db,
  );
  const [row] = rows;
  return row ? { granted: row.granted, currentEpoch: row.epoch } : { granted: false };
}
