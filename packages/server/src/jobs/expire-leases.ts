/**
 * Leases that run out. First a run is suspect: nothing is placed anew, and its daemon may come back and go
 * on. After the grace it is lost: its task is placed anew, and whatever that run still says changes nothing.
 * All by the database's clock.
 */
import { sql } from "kysely";
import type { Deps } from "../deps.ts";
import { loseRuns } from "./reconcile-runs.ts";
import { transact } from "./transact.ts";
import { addEntry, addEvent, type Work } from "./work.ts";

/** Runs of one transaction. */
const MOST = 200;

interface Expired {
  id: string;
  task_id: string;
  owner_id: string;
  contract_id: string | null;
  daemon_id: string;
}

/** Does what is due; milliseconds until the next is, undefined when there are no runs. */
export async function expireLeases(deps: Deps): Promise<number | undefined> {
  while ((await transact(deps, suspect)) === MOST);
  while ((await transact(deps, lose)) === MOST);
  const { graceSecs } = deps.leases;
  const { rows } = await sql<{ ms: number | null }>`
    select extract(epoch from min(case state
        when 'live' then lease_expires_at
        else suspect_at + make_interval(secs => ${graceSecs}) end) - clock_timestamp())::double precision * 1000 as ms
    from makima.run where state <> 'ended'`.execute(deps.db);
  return rows[0]?.ms ?? undefined;
}

async function suspect(work: Work): Promise<number> {
  const { rows } = await sql<Expired>`
    update makima.run r set state = 'suspect', suspect_at = clock_timestamp()
    from makima.task t
    where t.id = r.task_id and r.id in (
      select id from makima.run where state = 'live' and lease_expires_at <= clock_timestamp()
      order by id limit ${MOST} for update skip locked
    )
    returning r.id, r.task_id, r.owner_id, t.contract_id, r.daemon_id`.execute(work.db);
  const { graceSecs } = work.deps.leases;
  for (const run of rows) {
    const content = `The daemon was not heard; it has ${graceSecs} s to come back before the task is given to another.`;
    addEntry(work, run.task_id, { messageType: "notice", content }, run.id);
    addEvent(work, run.owner_id, {
      type: "RunSuspect",
      contractId: run.contract_id,
      taskId: run.task_id,
      data: { runId: run.id, daemonId: run.daemon_id, graceSecs },
    });
  }
  return rows.length;
}

async function lose(work: Work): Promise<number> {
  const { graceSecs } = work.deps.leases;
  const { rows } = await sql<{ id: string }>`
    select id from makima.run
    where state = 'suspect' and suspect_at + make_interval(secs => ${graceSecs}) <= clock_timestamp()
    order by id limit ${MOST}`.execute(work.db);
  await loseRuns(
    work,
    rows.map((row) => row.id),
    `Its daemon was not heard for longer than the grace of ${graceSecs} s`,
    "suspect",
  );
  return rows.length;
}
