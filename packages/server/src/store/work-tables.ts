/** Contracts, tasks and what people see of them. */
import type { Generated } from "kysely";
import type { ContractStatus } from "@makima/core/contract";
import type { ErrorKind, ParkReason, TaskStatus } from "@makima/core/task";
import type { CompletionResult } from "@makima/protocol/daemon-wire";
import type { Evidence, GateView, LoopState, Usage } from "@makima/protocol/gate";
import type { RunOptions } from "@makima/protocol/run-spec";
import type { Json, MaybeStamp } from "./columns.ts";

export interface ContractLimits {
  maxIterations?: number;
  maxCostUsd?: number;
  maxRuntimeSecs?: number;
}

export interface ContractTable {
  id: string;
  owner_id: string;
  short_id: string;
  name: string;
  goal: string;
  contract_type: string;
  phase: string;
  status: ContractStatus;
  waiting_for: string | null;
  blocked_reason: string | null;
  failure_reason: string | null;
  archived_from: ContractStatus | null;
  autonomous_loop: boolean;
  options: Json<Partial<RunOptions>>;
  limits: Json<ContractLimits>;
  /** Turn of its youngest task in the fair queue. */
  last_turn: Generated<number>;
  version: Generated<number>;
  completion_detected_at: MaybeStamp;
  status_changed_at: Generated<Date>;
  last_activity_at: Generated<Date>;
  created_at: Generated<Date>;
  updated_at: Generated<Date>;
}

export interface RepositoryTable {
  id: string;
  contract_id: string;
  owner_id: string;
  position: number;
  name: string;
  kind: "local" | "remote" | "managed";
  path: string | null;
  url: string | null;
  host_id: string | null;
  base_branch: string | null;
  is_primary: boolean;
}

export interface TaskTable {
  id: string;
  owner_id: string;
  short_id: string;
  contract_id: string | null;
  repository_id: string | null;
  name: string;
  plan: string;
  kind: "supervisor" | "orchestrator" | "worker" | "standalone";
  status: TaskStatus;
  epoch: Generated<number>;
  attempt: Generated<number>;
  max_attempts: number;
  pause_requested: Generated<boolean>;
  blocked_by: ParkReason | null;
  blocked_detail: string | null;
  wake_at: MaybeStamp;
  waiting_on: string | null;
  error: Json<{ kind: ErrorKind; message: string } | null>;
  agent: "claude" | "sim";
  agent_script: string | null;
  agent_speed: number | null;
  model: string | null;
  completion_action: "none" | "branch" | "merge" | "pr";
  copy_files: string[];
  labels: string[];
  autonomous_loop: boolean;
  single_task: boolean;
  max_cost_usd: number | null;
  max_runtime_secs: number | null;
  branch: string;
  base_branch: string | null;
  base_commit: string | null;
  target_branch: string | null;
  worktree_path: string | null;
  priority: Generated<number>;
  /** Place in the fair queue; lower goes first within a priority. */
  turn: Generated<number>;
  /** Its contract is not active, so it is not placed. */
  held: Generated<boolean>;
  /** Dependencies that are not done. */
  deps_left: Generated<number>;
  /** Agent, host and labels that it asks of a daemon, as one comparable text. */
  needs: string;
  /** Daemon of the newest run: it has worktree and session. */
  daemon_id: string | null;
  /** The newest run. */
  run_id: string | null;
  iteration: Generated<number>;
  max_iterations: number;
  /** A completion action was asked for again and has not answered yet. */
  action_retrying: Generated<boolean>;
  loop: Json<LoopState | null>;
  gate: Json<GateView | null>;
  evidence: Json<Evidence[]>;
  result: Json<CompletionResult | null>;
  usage: Json<Usage>;
  runtime_secs: Generated<number>;
  /** Used since the last retry; limits count from it. */
  spent_cost_usd: Generated<number>;
  spent_secs: Generated<number>;
  version: Generated<number>;
  created_at: Generated<Date>;
  updated_at: Generated<Date>;
  started_at: MaybeStamp;
  ended_at: MaybeStamp;
}

export interface TaskDependencyTable {
  task_id: string;
  depends_on_id: string;
}

export interface QuestionTable {
  /** What its daemon calls it too. */
  id: string;
  /** Order in which they were asked. */
  position: Generated<number>;
  owner_id: string;
  short_id: string;
  contract_id: string | null;
  task_id: string;
  run_id: string;
  epoch: number;
  kind: "question" | "permission";
  question: string;
  choices: Json<{ label: string; description?: string }[]>;
  tool_name: string | null;
  tool_input: Json<unknown>;
  status: "open" | "answered" | "closed";
  answer: string | null;
  note: string | null;
  answered_by: string | null;
  /** The answer goes, or went, with the next run's messages. */
  carried: Generated<boolean>;
  asked_at: Generated<Date>;
  answered_at: MaybeStamp;
}

export interface PendingMessageTable {
  id: string;
  task_id: string;
  owner_id: string;
  text: string;
  /** The run whose specification carries it. */
  run_id: string | null;
  created_at: Generated<Date>;
  delivered_at: MaybeStamp;
}

export interface EventTable {
  owner_id: string;
  seq: number;
  at: Generated<Date>;
  type: string;
  contract_id: string | null;
  task_id: string | null;
  data: Json<Record<string, unknown>>;
}
