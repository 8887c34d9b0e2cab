/**
 * What the state of its tasks means for a contract without a supervisor (type `single`).
 *
 * While a task waits or runs the contract is active. Once none does: a task that failed or was cancelled
 * fails it, a blocked one blocks it, a paused one pauses it; when the gate of its last phase holds, it is
 * completing and then completed, and what its tasks' worktrees hold is no longer needed. Contracts with a
 * supervisor are the supervisor's to move.
 */
import { builtInType } from "@makima/core/contract-type";
import type { ContractStatus } from "@makima/core/contract";
import { phaseReadiness } from "@makima/core/readiness";
import { hasLiveRun } from "@makima/core/task";
import type { ContractRow } from "../store/task-rows.ts";
import { changeContract } from "./change-contract.ts";
import type { Member, Members } from "./read-settling.ts";
import { addCommand, type Held, type Work } from "./work.ts";

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
