/**
 * The tables as TypeScript sees them; `migrations/` is the truth about columns, keys and indexes.
 * All tables stand in the schema `makima`. bigint and double precision come as numbers, timestamptz as Date.
 */
import type { ColumnType, Generated } from "kysely";
import type { ContractStatus } from "@makima/core/contract";
import type { ErrorKind, ParkReason, TaskStatus } from "@makima/core/task";
import type { AgentInfo, CompletionResult } from "@makima/protocol/daemon-wire";
import type { Evidence, GateView, LoopState, Usage } from "@makima/protocol/gate";
import type { MessageType } from "@makima/protocol/history";
import type { RunOptions } from "@makima/protocol/run-spec";

/** Read as a value, written as JSON text (see `json.ts`). */
type Json<T> = ColumnType<T, string | null | undefined, string | null>;
type Stamp = ColumnType<Date, Date | string | undefined, Date | string>;
type MaybeStamp = ColumnType<Date | null, Date | string | null | undefined, Date | string | null>;

/** One row. */
export interface ServerTable {
  id: Generated<string>;
}

export interface OwnerTable {
  id: string;
  name: string;
  /** Who it is at an identity provider, where it came from one. */
  subject: string | null;
  role: "admin" | "member";
  /** Number of the owner's newest event. Its row lock orders events; it is taken last in a transaction. */
  event_seq: Generated<number>;
  /** The fair queue's clock: the highest turn that was placed. */
  turn: Generated<number>;
  created_at: Generated<Date>;
}

export interface ApiKeyTable {
  id: string;
  owner_id: string;
  name: string;
  kind: "person" | "daemon" | "task";
  prefix: string;
  /** SHA-256 of the key. */
  hash: Buffer;
  scopes: string[];
  run_id: string | null;
  task_id: string | null;
  contract_id: string | null;
  created_at: Generated<Date>;
  expires_at: MaybeStamp;
  last_used_at: MaybeStamp;
  revoked_at: MaybeStamp;
}

export interface SessionTable {
  id: string;
  owner_id: string;
  hash: Buffer;
  created_at: Generated<Date>;
  expires_at: Stamp;
  revoked_at: MaybeStamp;
}

export interface LoginLinkTable {
  hash: Buffer;
  owner_id: string;
  created_at: Generated<Date>;
  expires_at: Stamp;
  used_at: MaybeStamp;
}

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

/** Number of a task's newest history entry, in a narrow row of its own: output changes it all the time. */
export interface TaskSeqTable {
  task_id: string;
  last_seq: Generated<number>;
}

export type RunState = "live" | "suspect" | "ended";

export interface RunTable {
  id: string;
  task_id: string;
  owner_id: string;
  daemon_id: string;
  epoch: number;
  attempt: number;
  state: RunState;
  lease_expires_at: Stamp;
  suspect_at: MaybeStamp;
  /** How it ended: done, failed, parked, lost, cancelled. */
  end_reason: string | null;
  outcome: Json<unknown>;
  runtime_secs: number | null;
  created_at: Generated<Date>;
  ended_at: MaybeStamp;
}

export interface IterationTable {
  id: string;
  task_id: string;
  run_id: string;
  iteration: number;
  started_at: Stamp;
  duration_ms: number;
  exit_code: number | null;
  signal: string | null;
  gate: Json<GateView | null>;
  verdict: string;
  changed: boolean;
  evidence: Json<Evidence[]>;
  usage: Json<Usage>;
}

export interface CheckpointTable {
  task_id: string;
  n: number;
  run_id: string;
  ref: string;
  commit: string;
  message: string;
  at: Stamp;
  files: number;
  insertions: number;
  deletions: number;
  omitted: string[];
  pushed: boolean;
}

export interface TaskEventTable {
  task_id: string;
  seq: number;
  run_id: string | null;
  at: Stamp;
  message_type: MessageType;
  content: string;
  tool_name: string | null;
  tool_input: Json<unknown>;
  is_error: boolean | null;
  cost_usd: number | null;
  duration_ms: number | null;
  is_partial: boolean | null;
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

export interface CommandTable {
  daemon_id: string;
  seq: number;
  task_id: string | null;
  payload: Json<unknown>;
  created_at: Generated<Date>;
  /** When the daemon had it in its journal. */
  stored_at: MaybeStamp;
}

export interface DaemonTable {
  id: string;
  owner_id: string;
  name: string;
  host_id: string;
  hostname: string;
  version: string;
  labels: string[];
  slots: number;
  agents: Json<AgentInfo[]>;
  draining: Generated<boolean>;
  connected: Generated<boolean>;
  /** Rises with each connection; the newest wins. */
  connection_epoch: Generated<number>;
  last_seen_at: Generated<Date>;
  created_at: Generated<Date>;
}

/** How far a daemon's reports are applied. Locked first by whoever applies them. */
export interface DaemonInboxTable {
  daemon_id: string;
  journal_id: string;
  reports_stored: Generated<number>;
  /** Runs that the daemon did not have when it connected; their end may be among the reports up to … */
  unaccounted: Generated<string[]>;
  /** … this number. Once those are applied, what is still live of them is lost. */
  unaccounted_after: number | null;
}

/** Number of the newest command for a daemon. Locked after tasks and runs, before the owner. */
export interface DaemonOutboxTable {
  daemon_id: string;
  command_seq: Generated<number>;
}

export interface DaemonAuthTable {
  daemon_id: string;
  agent: string;
  required: boolean;
  message: string;
  login_url: string | null;
  changed_at: Generated<Date>;
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

export interface IdempotencyKeyTable {
  owner_id: string;
  key: string;
  route: string;
  hash: Buffer;
  value: Json<unknown>;
  created_at: Generated<Date>;
}

export interface DeadReportTable {
  id: string;
  daemon_id: string;
  journal_id: string;
  seq: number;
  report: Json<unknown>;
  problem: string;
  created_at: Generated<Date>;
}

export interface Database {
  server: ServerTable;
  owner: OwnerTable;
  api_key: ApiKeyTable;
  session: SessionTable;
  login_link: LoginLinkTable;
  contract: ContractTable;
  repository: RepositoryTable;
  task: TaskTable;
  task_dependency: TaskDependencyTable;
  task_seq: TaskSeqTable;
  run: RunTable;
  iteration: IterationTable;
  checkpoint: CheckpointTable;
  task_event: TaskEventTable;
  event: EventTable;
  command: CommandTable;
  daemon: DaemonTable;
  daemon_inbox: DaemonInboxTable;
  daemon_outbox: DaemonOutboxTable;
  daemon_auth: DaemonAuthTable;
  question: QuestionTable;
  pending_message: PendingMessageTable;
  idempotency_key: IdempotencyKeyTable;
  dead_report: DeadReportTable;
}
