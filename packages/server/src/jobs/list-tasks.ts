/** Lists tasks: all of the owner, newest first, or those of a contract, oldest first. */
import { sql } from "kysely";
import type { TaskView } from "@makima/protocol/api/task-schema";
import type { TaskStatus } from "@makima/core/task";
import type { Caller, Deps } from "../deps.ts";
import { done, type Outcome } from "../outcome.ts";
import { cursorId, findContract, pageOfRows } from "./find.ts";
import { readTasks } from "./task-view.ts";

export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

export interface ListTasks {
  limit: number;
  after?: string | undefined;
  status?: TaskStatus | undefined;
  contractId?: string | undefined;
}

export async function listTasks(
  deps: Deps,
  caller: Caller,
  query: ListTasks,
): Promise<Outcome<Page<TaskView>>> {
  const cursor = cursorId(query.after);
  if (!cursor.ok) return cursor;
  let where = sql`t.owner_id = ${caller.ownerId}`;
  if (query.contractId !== undefined) {
    const contract = await findContract(deps, caller, query.contractId);
    if (!contract.ok) return contract;
    where = sql`${where} and t.contract_id = ${contract.value}`;
  }
  if (query.status !== undefined) where = sql`${where} and t.status = ${query.status}`;
  if (cursor.value !== undefined) where = sql`${where} and t.id < ${cursor.value}`;
  const rows = await readTasks(deps.db, where, sql`order by t.id desc limit ${query.limit + 1}`);
  return done(page(rows, query.limit));
}

export async function listContractTasks(
  deps: Deps,
  caller: Caller,
  { id, limit, after }: { id: string; limit: number; after?: string | undefined },
): Promise<Outcome<Page<TaskView>>> {
  const cursor = cursorId(after);
  if (!cursor.ok) return cursor;
  const contract = await findContract(deps, caller, id);
  if (!contract.ok) return contract;
  let where = sql`t.contract_id = ${contract.value}`;
  if (cursor.value !== undefined) where = sql`${where} and t.id > ${cursor.value}`;
  return done(page(await readTasks(deps.db, where, sql`order by t.id limit ${limit + 1}`), limit));
}

function page(rows: TaskView[], limit: number): Page<TaskView> {
  return pageOfRows(
    rows,
    limit,
    (row) => row.id,
    (row) => row,
  );
}
