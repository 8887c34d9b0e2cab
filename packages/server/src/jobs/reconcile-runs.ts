/**
 * Compares the runs that a daemon says it has with those that the server believes it has.
 *
 * A run that both know at the same epoch goes on, also when its lease had run out meanwhile. A run that
 * only the daemon has is not its own any more. A run that only the server has is lost, unless the command
 * that begins it is still on its way; but the daemon may have ended it while it was away, and its report
 * is yet to come: then it is lost once the reports that the daemon has now are applied.
 */
import { sql } from "kysely";
import type { RunState } from "../store/run-tables.ts";
import { changeTask, holdTasks } from "./change-task.ts";
import { addEntry, type Work } from "./work.ts";

export interface Claimed {
  daemonId: string;
  /** Runs that the daemon has. */
  runs: readonly { runId: string; taskId: string; epoch: number }[];
  /** Highest report number in its journal. */
  reportsLast: number;
}

interface Believed {
  id: string;
  task_id: string;
  epoch: number;
  on_its_way: boolean;
}

/** A verdict for each claimed run. */
export async function reconcileRuns(
  work: Work,
  { daemonId, runs, reportsLast }: Claimed,
  reportsStored: number,
): Promise<{ runId: string; verdict: "keep" | "stop" }[]> {
  const believed = await liveRuns(work, daemonId);
  const claimed = new Set(runs.map(({ runId, taskId, epoch }) => `${runId} ${taskId} ${epoch}`));
  const isClaimed = (run: Believed): boolean => claimed.has(`${run.id} ${run.task_id} ${run.epoch}`);
  const going = believed.filter((run) => isClaimed(run) || run.on_its_way).map((run) => run.id);
  const missing = believed.filter((run) => !isClaimed(run) && !run.on_its_way).map((run) => run.id);
  const waits = reportsLast > reportsStored && missing.length > 0;
  if (!waits) await loseRuns(work, missing, "Its daemon came back without it");
  const [kept] = await Promise.all([
    sql<{ id: string }>`
      update makima.run set state = 'live', suspect_at = null,
        lease_expires_at = clock_timestamp() + make_interval(secs => ${work.deps.leases.leaseSecs})
      where id = any(${going}::uuid[]) and state <> 'ended' returning id`.execute(work.db),
    sql`update makima.daemon_inbox set unaccounted = ${waits ? missing : []}::uuid[],
        unaccounted_after = ${waits ? reportsLast : null}
      where daemon_id = ${daemonId}`.execute(work.db),
  ]);
  const live = new Set(kept.rows.map((row) => row.id));
  return runs.map(({ runId }) => ({ runId, verdict: live.has(runId) ? "keep" : "stop" }));
}

async function liveRuns({ db }: Work, daemonId: string): Promise<Believed[]> {
  const { rows } = await sql<Believed>`
    select r.id, r.task_id, r.epoch, exists (
      select from makima.command c where c.daemon_id = r.daemon_id and c.stored_at is null
        and c.payload ->> 'type' = 'spawnTask' and c.payload -> 'spec' ->> 'runId' = r.id::text
    ) as on_its_way
    from makima.run r where r.daemon_id = ${daemonId} and r.state <> 'ended'`.execute(db);
  return rows;
}

/**
 * Ends runs as lost: their tasks are placed anew, or fail when their attempts are used up. Looks again, once
 * their tasks are locked: only runs that are still live, or, with `only`, still suspect.
 */
export async function loseRuns(
  work: Work,
  runIds: readonly string[],
  message: string,
  only: RunState | "any" = "any",
): Promise<void> {
  if (runIds.length === 0) return;
  const tasks = await sql<{ task_id: string }>`
    select task_id from makima.run where id = any(${runIds}::uuid[]) and state <> 'ended'`.execute(work.db);
  const taskIds = tasks.rows.map((row) => row.task_id);
  await holdTasks(work, taskIds);
  const { rows } = await sql<{ id: string; task_id: string; epoch: number }>`
    select id, task_id, epoch from makima.run
    where id = any(${runIds}::uuid[]) and state <> 'ended' and (${only} = 'any' or state = ${only})
    order by id for update`.execute(work.db);
  for (const { id, task_id, epoch } of rows) {
    const held = work.tasks.get(task_id);
    if (held?.row.run_id !== id || held.row.epoch !== epoch) {
      // Cannot be; were it so, a run that nobody owns would hold a slot for ever.
      work.endedRuns.push({ id, daemonId: null, reason: "lost", final: false });
      continue;
    }
    const step = changeTask(work, held, { type: "lost", epoch, message }, { detail: message });
    if (step.ok && held.row.status === "pending") {
      addEntry(work, task_id, {
        messageType: "notice",
        content: `Attempt ${held.row.attempt} of ${held.row.max_attempts} begins where the last one was.`,
      });
    }
  }
}
