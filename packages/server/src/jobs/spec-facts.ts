/** Reads what run specifications are made of, for tasks that are locked by the reading or by the caller. */
import { sql, type Kysely, type RawBuilder, type Selectable } from "kysely";
import type { RunOptions } from "@makima/protocol/run-spec";
import type { Database } from "../store/schema.ts";
import type { RepositoryTable } from "../store/work-tables.ts";
import { taskColumns, type TaskRow } from "../store/task-rows.ts";

/** A task with all that its next run is told. */
export interface Candidate extends TaskRow {
  plan: string;
  contract: { name: string; short_id: string; phase: string; options: Partial<RunOptions> } | null;
  repository: Selectable<RepositoryTable> | null;
  messages: { id: string; text: string }[];
  checkpoint: { n: number; ref: string; commit: string } | null;
}

/** `tail` is order, limit and lock; the task's alias is `t`. */
export async function readCandidates(
  db: Kysely<Database>,
  where: RawBuilder<unknown>,
  tail: RawBuilder<unknown>,
): Promise<Candidate[]> {
  const { rows } = await sql<Candidate>`
    select ${taskColumns("t")}, t.plan,
      (select jsonb_build_object('name', c.name, 'short_id', c.short_id, 'phase', c.phase, 'options', c.options)
        from makima.contract c where c.id = t.contract_id) as contract,
      (select to_jsonb(r) from makima.repository r where r.id = t.repository_id) as repository,
      (select coalesce(jsonb_agg(jsonb_build_object('id', m.id, 'text', m.text) order by m.id), '[]')
        from makima.pending_message m where m.task_id = t.id and m.delivered_at is null) as messages,
      (select jsonb_build_object('n', k.n, 'ref', k.ref, 'commit', k.commit) from makima.checkpoint k
        where k.task_id = t.id order by k.n desc, k.run_id desc limit 1) as checkpoint
    from makima.task t where ${where} ${tail}`.execute(db);
  return rows;
}
