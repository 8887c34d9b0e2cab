/**
 * The one place that changes the status of a contract: it steps the machine of `@makima/core/contract`,
 * keeps the story and holds back or releases the contract's waiting tasks. The update statement stands at
 * the end.
 */
import { sql } from "kysely";
import {
  stepContract,
  type ContractState,
  type ContractStatus,
  type ContractStep,
} from "@makima/core/contract";
import { refused, type Outcome } from "../outcome.ts";
import { toJson } from "../store/json.ts";
import { lockContracts, type ContractRow } from "../store/task-rows.ts";
import { addEvent, type Held, type Work } from "./work.ts";

/** Locks a contract. Tasks of it must not be held yet. */
export async function holdContract(work: Work, id: string): Promise<Held<ContractRow>> {
  const known = work.contracts.get(id);
  if (known) return known;
  const [row] = await lockContracts(work.db, [id]);
  if (!row) throw new Error(`contract ${id} went away while it was being changed`);
  const held = { row, changed: false };
  work.contracts.set(id, held);
  return held;
}

/** Moves a held contract to a status; a refused step leaves it as it is. */
export function changeContract(
  work: Work,
  held: Held<ContractRow>,
  to: ContractStatus,
  reason?: string,
): ContractStep {
  const { row } = held;
  const step = stepContract(stateOf(row), to, reason);
  if (!step.ok) return step;
  const from = row.status;
  const now = new Date(work.deps.now());
  const { state } = step;
  row.status = state.status;
  row.waiting_for = state.waitingFor ?? null;
  row.blocked_reason = state.blockedReason ?? null;
  row.failure_reason = state.failureReason ?? null;
  row.archived_from = state.archivedFrom ?? null;
  row.status_changed_at = now;
  row.last_activity_at = now;
  held.changed = true;
  for (const task of work.tasks.values()) {
    if (task.row.contract_id === row.id) task.row.held = row.status !== "active";
  }
  if (row.status === "active") work.workChanged = true;
  addEvent(work, row.owner_id, {
    type: "StatusChanged",
    contractId: row.id,
    data: { name: row.name, oldStatus: from, newStatus: row.status, reason: reason ?? null },
  });
  return step;
}

function stateOf(row: ContractRow): ContractState {
  const state: ContractState = { status: row.status };
  if (row.archived_from) state.archivedFrom = row.archived_from;
  return state;
}

export function refusedContractStep(
  step: Extract<ContractStep, { ok: false }>,
  row: ContractRow,
): Outcome<never> {
  const { from, to, allowed } = step.refusal;
  return refused(
    "INVALID_TRANSITION",
    `Contract ${row.short_id} is ${from} and cannot become ${to}. It may become ${allowed.join(", ") || "nothing else"}.`,
    { details: { from, to, allowed } },
  );
}

/** Writes the contracts that changed. Called by `transact` alone. */
export function writeContracts({ db, contracts, settling }: Work): Promise<unknown>[] {
  const changed = [...contracts.values()].filter((held) => held.changed).map(({ row }) => row);
  // Activity of a task is a sign of life of its contract, not a change of its record.
  const alive = [...settling].filter((id) => contracts.get(id)?.changed === false);
  const statements: Promise<unknown>[] = [];
  if (alive.length > 0) {
    statements.push(
      sql`update makima.contract set last_activity_at = now() where id = any(${alive}::uuid[])`.execute(db),
    );
  }
  if (changed.length === 0) return statements;
  for (const row of changed) row.version += 1;
  statements.push(
    sql`
      with new as (
        select * from jsonb_to_recordset(${toJson(changed)}::jsonb) as n (id uuid, status text, waiting_for text,
          blocked_reason text, failure_reason text, archived_from text, completion_detected_at timestamptz,
          status_changed_at timestamptz, last_activity_at timestamptz, version int)
      ), released as (
        -- Only active contracts have tasks placed.
        update makima.task t set held = (n.status <> 'active') from new n
        where t.contract_id = n.id and t.status = 'pending' and t.held <> (n.status <> 'active')
      )
      update makima.contract c set status = n.status, waiting_for = n.waiting_for,
        blocked_reason = n.blocked_reason, failure_reason = n.failure_reason, archived_from = n.archived_from,
        completion_detected_at = n.completion_detected_at, status_changed_at = n.status_changed_at,
        last_activity_at = n.last_activity_at, version = n.version, updated_at = now()
      from new n where c.id = n.id and c.version = n.version - 1`.execute(db),
  );
  return statements;
}
