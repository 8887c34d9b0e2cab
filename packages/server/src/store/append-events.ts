/** Appends events of owners, numbered in the order in which transactions commit. */
import { sql, type Kysely } from "kysely";
import type { EventView } from "@makima/protocol/api/contracts";
import { toJson } from "./json.ts";
import type { Database } from "./schema.ts";

export interface NewEvent {
  type: string;
  contractId?: string | null;
  taskId?: string | null;
  data: Record<string, unknown>;
}

/**
 * Takes the numbers under a lock on the owner's row that lasts until the transaction ends: whoever comes
 * later gets higher numbers and commits later. So this must be the transaction's last statement, or others
 * wait longer than they need. `turn` moves the owner's fair queue on.
 */
export async function appendEvents(
  db: Kysely<Database>,
  ownerId: string,
  events: readonly NewEvent[],
  turn = 0,
): Promise<EventView[]> {
  const items = toJson(
    events.map(({ type, contractId, taskId, data }) => ({ type, contractId, taskId, data })),
  );
  const { rows } = await sql<{ seq: number; at: Date }>`
    with owner as (
      update makima.owner set event_seq = event_seq + ${events.length}, turn = greatest(turn, ${turn})
      where id = ${ownerId} returning event_seq - ${events.length} as before
    )
    insert into makima.event (owner_id, seq, at, type, contract_id, task_id, data)
    select ${ownerId}, owner.before + item.ordinality, clock_timestamp(), item.type, item."contractId",
      item."taskId", item.data
    from owner, rows from (
      jsonb_to_recordset(${items}::jsonb) as (type text, "contractId" uuid, "taskId" uuid, data jsonb)
    ) with ordinality as item (type, "contractId", "taskId", data, ordinality)
    returning seq, at`.execute(db);
  return events.map((event, index) => ({
    seq: rows[index]?.seq ?? 0,
    at: (rows[index]?.at ?? new Date()).toISOString(),
    type: event.type,
    contractId: event.contractId ?? null,
    taskId: event.taskId ?? null,
    data: event.data,
  }));
}
