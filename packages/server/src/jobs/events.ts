/** Events: of a contract as a list, of an owner as a stream from a number on. */
import { sql, type RawBuilder } from "kysely";
import type { ContractStatus } from "@makima/core/contract";
import type { EventView } from "@makima/protocol/api/contracts";
import type { Caller, Deps } from "../deps.ts";
import { done, type Outcome } from "../outcome.ts";
import { cursorNumber, findContract, pageOfRows } from "./find.ts";
import type { Page } from "./list-tasks.ts";

interface Row {
  seq: number;
  at: Date;
  type: string;
  contract_id: string | null;
  task_id: string | null;
  data: Record<string, unknown>;
}

/** Oldest first. */
export async function listContractEvents(
  deps: Deps,
  caller: Caller,
  { id, limit, after }: { id: string; limit: number; after?: string | undefined },
): Promise<Outcome<Page<EventView>>> {
  const cursor = cursorNumber(after);
  if (!cursor.ok) return cursor;
  const contract = await findContract(deps, caller, id);
  if (!contract.ok) return contract;
  const rows = await read(
    deps,
    sql`contract_id = ${contract.value} and seq > ${cursor.value ?? 0}`,
    limit + 1,
  );
  return done(
    pageOfRows(
      rows,
      limit,
      (event) => event.seq,
      (event) => event,
    ),
  );
}

/** Committed events above `after`, ascending. A first number that is not the next one means a gap: what lies between was removed. */
export function listOwnerEvents(
  deps: Deps,
  ownerId: string,
  after: number,
  limit: number,
): Promise<EventView[]> {
  return read(deps, sql`owner_id = ${ownerId} and seq > ${after}`, limit);
}

/** Number of the owner's newest event, 0 when there is none. */
export async function lastEventSeq(deps: Deps, ownerId: string): Promise<number> {
  const row = await deps.db
    .selectFrom("owner")
    .select("event_seq")
    .where("id", "=", ownerId)
    .executeTakeFirst();
  return row?.event_seq ?? 0;
}

/** Statuses of those of the contracts that are the owner's. */
export function contractStatuses(
  deps: Deps,
  ownerId: string,
  ids: readonly string[],
): Promise<{ id: string; status: ContractStatus }[]> {
  return deps.db
    .selectFrom("contract")
    .select(["id", "status"])
    .where("owner_id", "=", ownerId)
    .where("id", "in", ids.length === 0 ? [NO_ID] : ids)
    .execute();
}

const NO_ID = "00000000-0000-0000-0000-000000000000";

async function read(deps: Deps, where: RawBuilder<unknown>, limit: number): Promise<EventView[]> {
  const { rows } = await sql<Row>`
    select seq, at, type, contract_id, task_id, data from makima.event where ${where}
    order by seq limit ${limit}`.execute(deps.db);
  return rows.map((row) => ({
    seq: row.seq,
    at: row.at.toISOString(),
    type: row.type,
    contractId: row.contract_id,
    taskId: row.task_id,
    data: row.data,
  }));
}
