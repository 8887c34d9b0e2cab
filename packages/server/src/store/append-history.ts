/** Appends entries to histories of tasks, numbered from 1 without gaps within each task. */
import { sql, type Kysely } from "kysely";
import type { HistoryEntry, OutputEntry } from "@makima/protocol/history";
import { toJson } from "./json.ts";
import type { Database } from "./schema.ts";

export interface NewEntry {
  taskId: string;
  runId?: string | undefined;
  entry: OutputEntry;
}

/**
 * One statement, however many tasks and entries; entries of one task keep their order. The counter's rows
 * are locked in the order of their ids until the transaction ends.
 */
export async function appendHistory(
  db: Kysely<Database>,
  entries: readonly NewEntry[],
): Promise<Map<string, HistoryEntry[]>> {
  const byTask = new Map<string, NewEntry[]>();
  for (const entry of entries) {
    const known = byTask.get(entry.taskId);
    if (known) known.push(entry);
    else byTask.set(entry.taskId, [entry]);
  }
  const counts = [...byTask].map(([id, list]) => ({ id, n: list.length }));
  const items = [...byTask.values()].flatMap((list) =>
    list.map(({ taskId, runId, entry }, index) => ({
      id: taskId,
      n: list.length - index,
      run: runId,
      ...entry,
    })),
  );
  const { rows } = await sql<{ task_id: string; last_seq: number }>`
    with counted as (
      select c.id, c.n from jsonb_to_recordset(${JSON.stringify(counts)}::jsonb) as c (id uuid, n int)
    ), locked as (
      select s.task_id from makima.task_seq s join counted c on c.id = s.task_id order by s.task_id for update of s
    ), numbered as (
      update makima.task_seq s set last_seq = s.last_seq + c.n from counted c, locked l
      where s.task_id = c.id and l.task_id = c.id returning s.task_id, s.last_seq
    ), stored as (
      insert into makima.task_event (task_id, seq, run_id, at, message_type, content, tool_name, tool_input,
        is_error, cost_usd, duration_ms, is_partial)
      select i.id, numbered.last_seq - i.n + 1, i.run, i.at, i."messageType", i.content, i."toolName", i."toolInput",
        i."isError", i."costUsd", i."durationMs", i."isPartial"
      from json_to_recordset(${toJson(items)}::json) as i (id uuid, n int, run uuid, at timestamptz,
        "messageType" text, content text, "toolName" text, "toolInput" jsonb, "isError" boolean,
        "costUsd" double precision, "durationMs" bigint, "isPartial" boolean)
      join numbered on numbered.task_id = i.id
    )
    select task_id, last_seq from numbered`.execute(db);
  const last = new Map(rows.map((row) => [row.task_id, row.last_seq]));
  const stored = new Map<string, HistoryEntry[]>();
  for (const [taskId, list] of byTask) {
    const end = last.get(taskId);
    if (end === undefined) continue;
    stored.set(
      taskId,
      list.map(({ runId, entry }, index) => ({
        ...entry,
        seq: end - list.length + 1 + index,
        ...(runId === undefined ? {} : { runId }),
      })),
    );
  }
  return stored;
}
