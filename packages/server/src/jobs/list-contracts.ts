/** Lists contracts, newest first. */
import { sql } from "kysely";
import type { ContractStatus } from "@makima/core/contract";
import type { ContractView } from "@makima/protocol/api/contracts";
import type { Caller, Deps } from "../deps.ts";
import { done, type Outcome } from "../outcome.ts";
import { readContracts } from "./contract-view.ts";
import { cursorId, pageOfRows } from "./find.ts";
import type { Page } from "./list-tasks.ts";

export interface ListContracts {
  limit: number;
  after?: string | undefined;
  status?: ContractStatus | undefined;
  phase?: string | undefined;
}

export async function listContracts(
  deps: Deps,
  caller: Caller,
  { limit, after, status, phase }: ListContracts,
): Promise<Outcome<Page<ContractView>>> {
  const cursor = cursorId(after);
  if (!cursor.ok) return cursor;
  let where = sql`c.owner_id = ${caller.ownerId}`;
  if (status !== undefined) where = sql`${where} and c.status = ${status}`;
  if (phase !== undefined) where = sql`${where} and c.phase = ${phase}`;
  if (cursor.value !== undefined) where = sql`${where} and c.id < ${cursor.value}`;
  const rows = await readContracts(deps.db, where, sql`order by c.id desc limit ${limit + 1}`);
  return done(
    pageOfRows(
      rows,
      limit,
      (row) => row.id,
      (row) => row,
    ),
  );
}
