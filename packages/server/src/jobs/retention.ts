/** Removes what has had its time, some at a time: nothing here is anybody's work. */
import { sql, type RawBuilder } from "kysely";
import type { Deps } from "../deps.ts";

/** Rows of one statement. */
const MOST = 1000;
const HOUR_MS = 3_600_000;

/** What goes, by primary key. Idempotency keys hold for a day; so does what a daemon has already. */
const RULES: RawBuilder<unknown>[] = [
  sql`delete from makima.idempotency_key where (owner_id, key) in (
    select owner_id, key from makima.idempotency_key where created_at < now() - interval '24 hours' limit ${MOST})`,
  sql`delete from makima.login_link where hash in (
    select hash from makima.login_link where expires_at < now() - interval '1 hour' limit ${MOST})`,
  sql`delete from makima.session where id in (
    select id from makima.session where expires_at < now() - interval '1 day' limit ${MOST})`,
  sql`delete from makima.command where (daemon_id, seq) in (
    select daemon_id, seq from makima.command where stored_at < now() - interval '24 hours' limit ${MOST})`,
  sql`delete from makima.api_key where id in (
    select k.id from makima.api_key k join makima.run r on r.id = k.run_id
    where k.run_id is not null and r.state = 'ended' and r.ended_at < now() - interval '1 hour' limit ${MOST})`,
];

/** Rows removed. The pace is bounded, so that it never gets in the way; the rest goes the next time. */
export async function removeOld(deps: Deps): Promise<number> {
  let removed = 0;
  for (const rule of [...RULES, deadReports(deps.retentionDays)]) {
    for (let rounds = 0; rounds < 50; rounds += 1) {
      const { numAffectedRows } = await rule.execute(deps.db);
      const count = Number(numAffectedRows ?? 0);
      removed += count;
      if (count < MOST) break;
    }
  }
  return removed;
}

function deadReports(days: number): RawBuilder<unknown> {
  return sql`delete from makima.dead_report where id in (
    select id from makima.dead_report where created_at < now() - make_interval(days => ${Math.ceil(days)}) limit ${MOST})`;
}

/** For the ticker: once an hour. */
export async function retention(deps: Deps): Promise<number> {
  await removeOld(deps);
  return HOUR_MS;
}
