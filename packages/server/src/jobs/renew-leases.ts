/**
 * Heartbeats of daemons renew the leases of their runs, by the database's clock. What comes while a
 * statement is on its way goes with the next one, so many daemons cost few statements.
 */
import { sql } from "kysely";
import type { Deps } from "../deps.ts";
import { inGroups } from "./in-groups.ts";

export interface Heartbeat {
  daemonId: string;
  runs: readonly { runId: string; epoch: number }[];
}

export interface Renewed {
  /** Runs whose lease was renewed, and those that are not the daemon's any more. */
  renewed: string[];
  lost: string[];
}

/** Heartbeats of one statement at most. */
const MOST_TOGETHER = 2000;

export const renewLeases = inGroups<Heartbeat, Renewed>(MOST_TOGETHER, async (deps, beats) => {
  const renewed = await renew(deps, beats);
  return beats.map(({ runs }) => {
    const ids = runs.map(({ runId }) => runId);
    const value = {
      renewed: ids.filter((id) => renewed.has(id)),
      lost: ids.filter((id) => !renewed.has(id)),
    };
    return { ok: true, value };
  });
});

/**
 * Ids of the runs that were renewed. A run whose lease had run out is taken up again at the same epoch. The
 * column has no index, so the row stays where it is and its table does not grow.
 */
async function renew(deps: Deps, beats: readonly Heartbeat[]): Promise<Set<string>> {
  const runs = beats.flatMap(({ daemonId, runs }) =>
    runs.map(({ runId, epoch }) => ({ runId, epoch, daemonId })),
  );
  const daemons = beats.map(({ daemonId }) => daemonId);
  const { rows } = await sql<{ id: string | null; returned: boolean }>`
    with quiet as (
      select from makima.daemon where id = any(${daemons}::uuid[])
        and last_seen_at <= clock_timestamp() - make_interval(secs => ${deps.leases.leaseSecs})
    ), beat as (
      select * from jsonb_to_recordset(${JSON.stringify(runs)}::jsonb) as b ("runId" uuid, epoch int, "daemonId" uuid)
    ), seen as (
      update makima.daemon set last_seen_at = clock_timestamp() where id = any(${daemons}::uuid[])
    ), locked as (
      select r.id from makima.run r join beat b on r.id = b."runId" and r.epoch = b.epoch and r.daemon_id = b."daemonId"
      where r.state <> 'ended' order by r.id for update of r
    ), renewed as (
      update makima.run r set state = 'live', suspect_at = null,
        lease_expires_at = clock_timestamp() + make_interval(secs => ${deps.leases.leaseSecs})
      from locked where r.id = locked.id returning r.id
    )
    select r.id, exists (select from quiet) as returned from (select) as always left join renewed r on true`.execute(
    deps.db,
  );
  // A daemon that was not heard for a lease was given nothing; now it can be.
  if (rows[0]?.returned) deps.signals.emit("workChanged");
  return new Set(rows.flatMap((row) => row.id ?? []));
}
