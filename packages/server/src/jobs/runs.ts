/** Runs as they are written: begun with a lease and a key, ended with a reason. */
import { sql } from "kysely";
import type { Work } from "./work.ts";
import { toJson } from "../store/json.ts";

/** The run's key has the id of the run, so that ending a run says which credential ended. */
export function writeRuns(work: Work): Promise<unknown>[] {
  return [...writeStarted(work), ...writeEnded(work)];
}

function writeStarted({ db, deps, startedRuns }: Work): Promise<unknown>[] {
  if (startedRuns.length === 0) return [];
  const rows = JSON.stringify(startedRuns);
  const carried = startedRuns.flatMap(({ id, messages }) =>
    messages.map((message) => ({ message, run: id })),
  );
  const statements: Promise<unknown>[] = [
    sql`
      with started as (
        select * from jsonb_to_recordset(${rows}::jsonb) as s (id uuid, "taskId" uuid, "contractId" uuid,
          "ownerId" uuid, "daemonId" uuid, epoch int, attempt int, "keyHash" text, "keyPrefix" text)
      ), run as (
        insert into makima.run (id, task_id, owner_id, daemon_id, epoch, attempt, state, lease_expires_at)
        select id, "taskId", "ownerId", "daemonId", epoch, attempt, 'live',
          clock_timestamp() + make_interval(secs => ${deps.leases.leaseSecs}) from started
      )
      insert into makima.api_key (id, owner_id, name, kind, prefix, hash, scopes, run_id, task_id, contract_id)
      select id, "ownerId", 'run', 'task', "keyPrefix", decode("keyHash", 'hex'), '{read,write}', id, "taskId",
        "contractId" from started`.execute(db),
  ];
  if (carried.length > 0) {
    statements.push(
      sql`update makima.pending_message m set run_id = c.run
        from jsonb_to_recordset(${JSON.stringify(carried)}::jsonb) as c (message uuid, run uuid)
        where m.id = c.message`.execute(db),
    );
  }
  return statements;
}

function writeEnded({ db, endedRuns }: Work): Promise<unknown>[] {
  if (endedRuns.length === 0) return [];
  const rows = toJson(endedRuns);
  return [
    sql`
      with ended as (
        select * from jsonb_to_recordset(${rows}::jsonb) as e (id uuid, reason text, outcome jsonb,
          "runtimeSecs" double precision, final boolean)
      ), closed as (
        -- A permission is asked for again by the next process; a question stays, its answer goes with the next run.
        update makima.question q set status = 'closed' from ended e
        where q.run_id = e.id and q.status = 'open' and (q.kind = 'permission' or e.final)
      )
      update makima.run r set state = 'ended', end_reason = e.reason, outcome = e.outcome,
        runtime_secs = e."runtimeSecs", ended_at = now()
      from ended e where r.id = e.id and r.state <> 'ended'`.execute(db),
  ];
}
