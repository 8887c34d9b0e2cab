/** What settling at the end of a transaction needs to know of tasks that the transaction does not hold. */
import { sql } from "kysely";
import { builtInType } from "@makima/core/contract-type";
import type { ParkReason, TaskError, TaskStatus } from "@makima/core/task";
import type { CompletionResult } from "@makima/protocol/daemon-wire";
import type { Work } from "./work.ts";

/** A task of a contract. */
export interface Member {
  id: string;
  contract_id: string | null;
  short_id: string;
  name: string;
  kind: string;
  status: TaskStatus;
  blocked_by: ParkReason | null;
  blocked_detail: string | null;
  error: TaskError | null;
  daemon_id: string | null;
  worktree_path: string | null;
  completion_action: string;
  result: CompletionResult | null;
}

/** That one task depends on another, and how that one is. */
export interface Edge {
  task_id: string;
  depends_on_id: string;
  short_id: string;
  status: TaskStatus;
}

export type Members = Map<string | null, Member[]>;

const prepared = new WeakMap<Work, { members: Promise<Members>; edges: Promise<Edge[]> }>();

/**
 * Begins to read, so that other statements can travel along; the first call counts. After it no task may
 * change but those that are placed.
 */
export function prepareSettling(work: Work): { members: Promise<Members>; edges: Promise<Edge[]> } {
  const known = prepared.get(work);
  if (known) return known;
  const begun = { members: readMembers(work), edges: readEdges(work) };
  prepared.set(work, begun);
  return begun;
}

/** The tasks of the contracts that are to be settled, for `settleContracts`. Never rejects on its own: the next statement does. */
async function readMembers(work: Work): Promise<Members> {
  const ids = [...work.settling].filter((id) => {
    const held = work.contracts.get(id);
    return held && builtInType(held.row.contract_type)?.supervisor === false;
  });
  if (ids.length === 0) return new Map();
  const read = sql<Member>`
    select id, contract_id, short_id, name, kind, status, blocked_by, blocked_detail, error, daemon_id,
      worktree_path, completion_action, result
    from makima.task where contract_id = any(${ids}::uuid[]) order by contract_id, id`;
  const { rows } = await read.execute(work.db).catch(() => ({ rows: [] }));
  return Map.groupBy(rows, (row) => row.contract_id);
}

/** All dependencies of the tasks that depend on one that ended. Never rejects on its own: the next statement does. */
export async function readEdges(work: Work): Promise<Edge[]> {
  const ended = [...work.endedTasks];
  work.endedTasks.clear();
  if (ended.length === 0) return [];
  const read = sql<Edge>`
    select d.task_id, d.depends_on_id, t.short_id, t.status
    from makima.task_dependency d join makima.task t on t.id = d.depends_on_id
    where d.task_id in (select task_id from makima.task_dependency where depends_on_id = any(${ended}::uuid[]))`;
  const { rows } = await read.execute(work.db).catch(() => ({ rows: [] }));
  return rows;
}
