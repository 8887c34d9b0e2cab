/** Contracts as the API shows them, with their repositories and what their tasks amount to. */
import { sql, type Kysely, type RawBuilder, type Selectable } from "kysely";
import type { TaskStatus } from "@makima/core/task";
import type { ContractView } from "@makima/protocol/api/contracts";
import type { ContractTable, RepositoryTable } from "../store/work-tables.ts";
import type { Database } from "../store/schema.ts";

type Row = Selectable<ContractTable>;
interface Sum {
  contract_id: string;
  status: TaskStatus;
  n: number;
  cost: number;
}

/** The contracts that fit `where` (table alias `c`), with `tail` as order and limit. Three statements. */
export async function readContracts(
  db: Kysely<Database>,
  where: RawBuilder<unknown>,
  tail: RawBuilder<unknown> = sql``,
): Promise<ContractView[]> {
  const { rows } = await sql<Row>`select c.* from makima.contract c where ${where} ${tail}`.execute(db);
  if (rows.length === 0) return [];
  const ids = rows.map((row) => row.id);
  const [repositories, sums] = await Promise.all([
    sql<Selectable<RepositoryTable>>`
      select * from makima.repository where contract_id = any(${ids}::uuid[])
      order by contract_id, position`.execute(db),
    sql<Sum>`
      select contract_id, status, count(*)::int as n, sum((usage ->> 'costUsd')::double precision) as cost
      from makima.task where contract_id = any(${ids}::uuid[]) group by contract_id, status`.execute(db),
  ]);
  const repositoriesOf = Map.groupBy(repositories.rows, (row) => row.contract_id);
  const sumsOf = Map.groupBy(sums.rows, (row) => row.contract_id);
  return rows.map((row) => view(row, repositoriesOf.get(row.id) ?? [], sumsOf.get(row.id) ?? []));
}

function view(row: Row, repositories: Selectable<RepositoryTable>[], sums: Sum[]): ContractView {
  return {
    id: row.id,
    shortId: row.short_id,
    name: row.name,
    goal: row.goal,
    contractType: row.contract_type,
    phase: row.phase,
    status: row.status,
    waitingFor: row.waiting_for,
    blockedReason: row.blocked_reason,
    failureReason: row.failure_reason,
    repositories: repositories.map((repository) => ({
      id: repository.id,
      name: repository.name,
      kind: repository.kind,
      path: repository.path,
      url: repository.url,
      hostId: repository.host_id,
      baseBranch: repository.base_branch,
      isPrimary: repository.is_primary,
    })),
    autonomousLoop: row.autonomous_loop,
    options: row.options,
    limits: row.limits,
    taskCounts: Object.fromEntries(sums.map(({ status, n }) => [status, n])),
    costUsd: sums.reduce((total, { cost }) => total + cost, 0),
    version: row.version,
    statusChangedAt: row.status_changed_at.toISOString(),
    lastActivityAt: row.last_activity_at.toISOString(),
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}
