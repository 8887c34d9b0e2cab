/**
 * Heartbeats of daemons renew the leases of their runs, by the database's clock. What comes while a
 * statement is on its way goes with the next one, so many daemons cost few statements.
 */
import { sql } from "kysely";
import type { Deps } from "../deps.ts";

export interface Heartbeat {
  daemonId: string;
  runs: readonly { runId: string; epoch: number }[];
}

export interface Renewed {
  /** Runs whose lease was renewed, and those that are not the daemon's any more. */
  renewed: string[];
  lost: string[];
}

interface Waiting {
  beat: Heartbeat;
  resolve: (renewed: Renewed) => void;
  reject: (error: unknown) => void;
}

const lines = new WeakMap<Deps, { waiting: Waiting[]; busy: boolean }>();

export function renewLeases(deps: Deps, beat: Heartbeat): Promise<Renewed> {
  const line = lines.get(deps) ?? { waiting: [], busy: false };
  lines.set(deps, line);
  return new Promise((resolve, reject) => {
    line.waiting.push({ beat, resolve, reject });
    if (!line.busy) void work(deps, line);
  });
}

async function work(deps: Deps, line: { waiting: Waiting[]; busy: boolean }): Promise<void> {
  line.busy = true;
  while (line.waiting.length > 0) {
    const batch = line.waiting;
    line.waiting = [];
    try {
      const renewed = await renew(
        deps,
        batch.map(({ beat }) => beat),
      );
      for (const { beat, resolve } of batch) {
        const ids = beat.runs.map(({ runId }) => runId);
        resolve({ renewed: ids.filter((id) => renewed.has(id)), lost: ids.filter((id) => !renewed.has(id)) });
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
  line.busy = false;
}

/**
 * Ids of the runs that were renewed. A run whose lease had run out is taken up again at the same epoch. The
 * column has no index, so the row stays where it is and its table does not grow.
 */
async function renew(deps: Deps, beats: readonly Heartbeat[]): Promise<Set<string>> {
  const runs = beats.flatMap(({ daemonId, runs }) =>
    runs.map(({ runId, epoch }) => ({ runId, epoch, daemonId })),
  );
  const daemons = beats.map(({ daemonId }) => daemonId);
  const { rows } = await sql<{ id: string }>`
    with beat as (
      select * from jsonb_to_recordset(${JSON.stringify(runs)}::jsonb) as b ("runId" uuid, epoch int, "daemonId" uuid)
    ), seen as (
      update makima.daemon set last_seen_at = clock_timestamp() where id = any(${daemons}::uuid[])
    ), locked as (
      select r.id from makima.run r join beat b on r.id = b."runId" and r.epoch = b.epoch and r.daemon_id = b."daemonId"
      where r.state <> 'ended' order by r.id for update of r
    )
    update makima.run r set state = 'live', suspect_at = null,
      lease_expires_at = clock_timestamp() + make_interval(secs => ${deps.leases.leaseSecs})
    from locked where r.id = locked.id returning r.id`.execute(deps.db);
  return new Set(rows.map((row) => row.id));
}
