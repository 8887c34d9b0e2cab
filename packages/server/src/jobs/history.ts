/** What is kept of a task's runs: history, iterations, evidence, checkpoints. */
import { sql, type Selectable } from "kysely";
import type { IterationView } from "@makima/protocol/api/task-schema";
import type { CheckpointView } from "@makima/protocol/api/tasks";
import type { Evidence } from "@makima/protocol/gate";
import type { HistoryEntry, MessageType } from "@makima/protocol/history";
import type { Caller, Deps } from "../deps.ts";
import { done, type Outcome } from "../outcome.ts";
import type { TaskEventTable } from "../store/run-tables.ts";
import { cursorNumber, findTask, pageOfRows } from "./find.ts";
import type { Page } from "./list-tasks.ts";

export interface ListTaskOutput {
  id: string;
  after?: number | undefined;
  limit: number;
  type?: MessageType | undefined;
  /** The newest entries instead of the first. */
  tail?: boolean | undefined;
}

/** Bytes of content of one page; the page ends early rather than grow beyond it. */
const MOST_BYTES = 8 * 1024 * 1024;

/** Oldest first. */
export async function listTaskOutput(
  deps: Deps,
  caller: Caller,
  { id, after = 0, limit, type, tail = false }: ListTaskOutput,
): Promise<Outcome<{ items: HistoryEntry[]; lastSeq: number }>> {
  const task = await findTask(deps, caller, id);
  if (!task.ok) return task;
  const ofType = type === undefined ? sql`` : sql`and message_type = ${type}`;
  const order = tail ? sql`desc` : sql`asc`;
  const [events, last] = await Promise.all([
    sql<Selectable<TaskEventTable>>`
      select * from makima.task_event where task_id = ${task.value} and seq > ${after} ${ofType}
      order by seq ${order} limit ${limit}`.execute(deps.db),
    deps.db.selectFrom("task_seq").select("last_seq").where("task_id", "=", task.value).executeTakeFirst(),
  ]);
  const rows = withinBytes(events.rows);
  if (tail) rows.reverse();
  return done({ items: rows.map(entryView), lastSeq: Math.max(last?.last_seq ?? 0, rows.at(-1)?.seq ?? 0) });
}

function withinBytes(rows: Selectable<TaskEventTable>[]): Selectable<TaskEventTable>[] {
  let bytes = 0;
  const end = rows.findIndex((row, index) => (bytes += row.content.length) > MOST_BYTES && index > 0);
  return end < 0 ? rows : rows.slice(0, end);
}

function entryView(row: Selectable<TaskEventTable>): HistoryEntry {
  const entry: HistoryEntry = {
    seq: row.seq,
    at: row.at.toISOString(),
    messageType: row.message_type,
    content: row.content,
  };
  if (row.run_id !== null) entry.runId = row.run_id;
  if (row.tool_name !== null) entry.toolName = row.tool_name;
  if (row.tool_input !== null) entry.toolInput = row.tool_input;
  if (row.is_error !== null) entry.isError = row.is_error;
  if (row.cost_usd !== null) entry.costUsd = row.cost_usd;
  if (row.duration_ms !== null) entry.durationMs = row.duration_ms;
  if (row.is_partial !== null) entry.isPartial = row.is_partial;
  return entry;
}

/** Oldest first; a task has at most some hundreds. */
export async function listIterations(
  deps: Deps,
  caller: Caller,
  { id }: { id: string },
): Promise<Outcome<{ items: IterationView[] }>> {
  const task = await findTask(deps, caller, id);
  if (!task.ok) return task;
  const rows = await deps.db
    .selectFrom("iteration")
    .selectAll()
    .where("task_id", "=", task.value)
    .orderBy("id")
    .execute();
  const items = rows.map((row) => ({
    runId: row.run_id,
    iteration: row.iteration,
    startedAt: row.started_at.toISOString(),
    durationMs: row.duration_ms,
    exitCode: row.exit_code,
    signal: row.signal,
    gate: row.gate,
    verdict: row.verdict,
    changed: row.changed,
    evidence: row.evidence,
    usage: row.usage,
  }));
  return done({ items });
}

/** Of the newest iteration. */
export async function listEvidence(
  deps: Deps,
  caller: Caller,
  { id }: { id: string },
): Promise<Outcome<{ items: Evidence[] }>> {
  const task = await findTask(deps, caller, id);
  if (!task.ok) return task;
  const row = await deps.db
    .selectFrom("task")
    .select("evidence")
    .where("id", "=", task.value)
    .executeTakeFirst();
  return done({ items: row?.evidence ?? [] });
}

/** Newest first. */
export async function listCheckpoints(
  deps: Deps,
  caller: Caller,
  { id, limit, after }: { id: string; limit: number; after?: string | undefined },
): Promise<Outcome<Page<CheckpointView>>> {
  const cursor = cursorNumber(after);
  if (!cursor.ok) return cursor;
  const task = await findTask(deps, caller, id);
  if (!task.ok) return task;
  const rows = await deps.db
    .selectFrom("checkpoint")
    .selectAll()
    .where("task_id", "=", task.value)
    .$if(cursor.value !== undefined, (query) => query.where("n", "<", cursor.value ?? 0))
    .orderBy("n", "desc")
    .orderBy("run_id", "desc")
    .limit(limit + 1)
    .execute();
  return done(
    pageOfRows(
      rows,
      limit,
      (row) => row.n,
      ({ task_id: _, run_id, at, ...row }) => ({ ...row, at: at.toISOString(), runId: run_id }),
    ),
  );
}
