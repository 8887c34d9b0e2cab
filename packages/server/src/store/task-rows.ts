/** Rows of tasks and contracts as jobs hold them while they change them. */
import { sql, type Kysely, type Selectable } from "kysely";
import type { ContractTable, TaskTable } from "./work-tables.ts";
import type { Database } from "./schema.ts";

/** Everything of a task but its plan, which may be long. */
export type TaskRow = Omit<Selectable<TaskTable>, "plan">;
export type ContractRow = Omit<Selectable<ContractTable>, "goal">;

const TASK_COLUMNS = [
  "id",
  "owner_id",
  "short_id",
  "contract_id",
  "repository_id",
  "name",
  "kind",
  "status",
  "epoch",
  "attempt",
  "max_attempts",
  "pause_requested",
  "blocked_by",
  "blocked_detail",
  "wake_at",
  "waiting_on",
  "error",
  "agent",
  "agent_script",
  "agent_speed",
  "model",
  "completion_action",
  "copy_files",
  "labels",
  "autonomous_loop",
  "single_task",
  "max_cost_usd",
  "max_runtime_secs",
  "branch",
  "base_branch",
  "base_commit",
  "target_branch",
  "worktree_path",
  "priority",
  "turn",
  "held",
  "deps_left",
  "needs",
  "daemon_id",
  "run_id",
  "iteration",
  "max_iterations",
  "action_retrying",
  "loop",
  "gate",
  "evidence",
  "result",
  "usage",
  "runtime_secs",
  "spent_cost_usd",
  "spent_secs",
  "version",
  "created_at",
  "updated_at",
  "started_at",
  "ended_at",
] as const satisfies readonly (keyof TaskRow)[];

const CONTRACT_COLUMNS = [
  "id",
  "owner_id",
  "short_id",
  "name",
  "contract_type",
  "phase",
  "status",
  "waiting_for",
  "blocked_reason",
  "failure_reason",
  "archived_from",
  "autonomous_loop",
  "options",
  "limits",
  "last_turn",
  "version",
  "completion_detected_at",
  "status_changed_at",
  "last_activity_at",
  "created_at",
  "updated_at",
] as const satisfies readonly (keyof ContractRow)[];

/** The columns of `TaskRow`, of the table under `alias`. */
export const taskColumns = (alias: string) =>
  sql.raw(TASK_COLUMNS.map((name) => `${alias}.${name}`).join(", "));

export const contractColumns = sql.raw(CONTRACT_COLUMNS.join(", "));

/** Locks the contracts of these tasks, in the order of their ids, until the transaction ends. */
export async function lockContractsOf(db: Kysely<Database>, taskIds: string[]): Promise<ContractRow[]> {
  const { rows } = await sql<ContractRow>`
    select ${contractColumns} from makima.contract
    where id in (select contract_id from makima.task where id = any(${taskIds}::uuid[]))
    order by id for update`.execute(db);
  return rows;
}

export async function lockContracts(db: Kysely<Database>, ids: string[]): Promise<ContractRow[]> {
  const { rows } = await sql<ContractRow>`
    select ${contractColumns} from makima.contract where id = any(${ids}::uuid[])
    order by id for update`.execute(db);
  return rows;
}

/** Locks these tasks in the order of their ids. Their contracts must be locked before. */
export async function lockTasks(db: Kysely<Database>, ids: string[]): Promise<TaskRow[]> {
  const { rows } = await sql<TaskRow>`
    select ${taskColumns("t")} from makima.task t where t.id = any(${ids}::uuid[])
    order by t.id for update`.execute(db);
  return rows;
}
