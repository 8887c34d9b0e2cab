/** Tasks as the API shows them. */
import { sql, type Kysely, type RawBuilder } from "kysely";
import type { TaskView } from "@makima/protocol/api/task-schema";
import type { Database } from "../store/schema.ts";
import { taskColumns, type TaskRow } from "../store/task-rows.ts";

interface ShownTask extends TaskRow {
  plan: string;
  last_seq: number | null;
  depends_on: string[];
}

/** The tasks that fit `where` (table alias `t`), with `tail` as order and limit. */
export async function readTasks(
  db: Kysely<Database>,
  where: RawBuilder<unknown>,
  tail: RawBuilder<unknown> = sql``,
): Promise<TaskView[]> {
  const { rows } = await sql<ShownTask>`
    select ${taskColumns("t")}, t.plan, s.last_seq,
      array(select d.depends_on_id from makima.task_dependency d where d.task_id = t.id order by 1) as depends_on
    from makima.task t left join makima.task_seq s on s.task_id = t.id
    where ${where} ${tail}`.execute(db);
  return rows.map(taskView);
}

function taskView(row: ShownTask): TaskView {
  return {
    id: row.id,
    shortId: row.short_id,
    contractId: row.contract_id,
    name: row.name,
    plan: row.plan,
    kind: row.kind,
    status: row.status,
    waitingOn: waitingOn(row),
    blockedBy: row.blocked_by,
    blockedDetail: row.blocked_detail,
    wakeAt: row.wake_at?.toISOString() ?? null,
    pauseRequested: row.pause_requested,
    agent: row.agent,
    model: row.model,
    repositoryId: row.repository_id,
    daemonId: row.daemon_id,
    runId: row.run_id,
    leaseEpoch: row.epoch,
    attempt: row.attempt,
    maxAttempts: row.max_attempts,
    autonomousLoop: row.autonomous_loop,
    singleTask: row.single_task,
    iteration: row.iteration,
    maxIterations: row.max_iterations,
    branch: row.branch,
    baseBranch: row.base_branch,
    baseCommit: row.base_commit,
    targetBranch: row.target_branch,
    worktreePath: row.worktree_path,
    sessionId: row.loop?.sessionId ?? null,
    completionAction: row.completion_action,
    priority: row.priority,
    dependsOn: row.depends_on,
    gate: row.gate,
    evidence: row.evidence,
    result: row.result,
    error: row.error,
    usage: row.usage,
    runtimeSecs: row.runtime_secs,
    lastSeq: row.last_seq ?? 0,
    version: row.version,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
    startedAt: row.started_at?.toISOString() ?? null,
    endedAt: row.ended_at?.toISOString() ?? null,
  };
}

function waitingOn(row: TaskRow): string | null {
  if (row.status !== "pending") return null;
  return row.held ? "its contract, which is not active" : row.waiting_on;
}
