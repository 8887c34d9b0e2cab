/**
 * What the state of its tasks means for a contract without a supervisor (type `single`).
 *
 * While a task waits or runs the contract is active. Once none does: a task that failed or was cancelled
 * fails it, a blocked one blocks it, a paused one pauses it; when the gate of its last phase holds, it is
 * completing and then completed, and what its tasks' worktrees hold is no longer needed. Contracts with a
 * supervisor are the supervisor's to move.
 */
import { sql } from "kysely";
import { builtInType } from "@makima/core/contract-type";
import type { ContractStatus } from "@makima/core/contract";
import { phaseReadiness } from "@makima/core/readiness";
import { hasLiveRun, type ParkReason, type TaskError, type TaskStatus } from "@makima/core/task";
import type { CompletionResult } from "@makima/protocol/daemon-wire";
import type { ContractRow } from "../store/task-rows.ts";
import { changeContract } from "./change-contract.ts";
import { addCommand, type Held, type Work } from "./work.ts";

interface Member {
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

type Members = Map<string | null, Member[]>;

/** The tasks of the contracts that are to be settled, for `settleContracts`. Never rejects on its own: the next statement does. */
export async function readMembers(work: Work): Promise<Members> {
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

/** Called by `transact` alone, before it writes. What tasks are by now counts, not what was read. */
export function settleContracts(work: Work, members: Members): void {
  for (const [contractId, read] of members) {
    const held = contractId ? work.contracts.get(contractId) : undefined;
    if (held)
      settleContract(
        work,
        held,
        read.map((row) => work.tasks.get(row.id)?.row ?? row),
      );
  }
  for (const { row } of work.tasks.values()) {
    const contract = row.contract_id ? work.contracts.get(row.contract_id) : undefined;
    if (contract) row.held = contract.row.status !== "active";
  }
}

function settleContract(work: Work, held: Held<ContractRow>, members: readonly Member[]): void {
  const { row } = held;
  if (row.status === "created" || row.status === "archived" || members.length === 0) return;
  const target = statusFor(members);
  if (target.status === "completed") return complete(work, held, members);
  move(work, held, target.status, target.reason);
}

function statusFor(members: readonly Member[]): { status: ContractStatus; reason?: string } {
  if (members.some(({ status }) => status === "pending" || hasLiveRun(status))) return { status: "active" };
  const failed = members.find(({ status }) => status === "failed" || status === "interrupted");
  if (failed)
    return {
      status: "failed",
      reason: `Task ${failed.short_id} failed: ${failed.error?.message ?? "it was interrupted"}`,
    };
  const blocked = members.find(({ status }) => status === "blocked");
  if (blocked) {
    const why = blocked.blocked_detail ?? blocked.blocked_by ?? "something outside";
    return { status: "blocked", reason: `Task ${blocked.short_id} is blocked: ${why}` };
  }
  if (members.some(({ status }) => status === "paused")) return { status: "paused" };
  const cancelled = members.find(({ status }) => status === "cancelled");
  if (cancelled && !members.some(({ status }) => status === "done")) {
    return { status: "failed", reason: `Task ${cancelled.short_id} was cancelled` };
  }
  return { status: "completed" };
}

/** Goes there directly, or through `active` where the table has no direct way. */
function move(work: Work, held: Held<ContractRow>, to: ContractStatus, reason?: string): void {
  if (held.row.status === to) return;
  if (changeContract(work, held, to, reason).ok || held.row.status === "active") return;
  if (changeContract(work, held, "active").ok && to !== "active") changeContract(work, held, to, reason);
}

function complete(work: Work, held: Held<ContractRow>, members: readonly Member[]): void {
  const { row } = held;
  if (row.status === "completed") return;
  const type = builtInType(row.contract_type);
  if (!type) return;
  const readiness = phaseReadiness({
    type,
    phase: row.phase,
    deliverables: [],
    tasks: members.map(({ name, status, kind }) => ({ name, status, supervisor: kind === "supervisor" })),
    checks: [],
    hasRepository: true,
    autoAdvance: { flag: true, contract: true, config: true },
  });
  if (!readiness.ready) return;
  row.completion_detected_at ??= new Date(work.deps.now());
  move(work, held, "completing");
  changeContract(work, held, "completed");
  for (const member of members) cleanUpWorktree(work, member);
}

/**
 * The worktree of a task whose completion action succeeded is of no use any more. The branch goes only
 * where it was merged: elsewhere it is what the person asked for.
 */
export function cleanUpWorktree(
  work: Work,
  {
    id,
    daemon_id,
    worktree_path,
    completion_action,
    result,
  }: Pick<Member, "id" | "daemon_id" | "worktree_path" | "completion_action" | "result">,
): void {
  if (!daemon_id || !worktree_path || result?.ok === false) return;
  const deleteBranch = completion_action === "merge" && result?.ok === true;
  addCommand(work, daemon_id, { type: "removeWorktree", taskId: id, deleteBranch }, id);
}
