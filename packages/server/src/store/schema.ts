/**
 * The tables as TypeScript sees them; `migrations/` is the truth about columns, keys and indexes.
 * All tables stand in the schema `makima`. bigint and double precision come as numbers, timestamptz as Date.
 */
import type {
  ApiKeyTable,
  IdempotencyKeyTable,
  LoginLinkTable,
  OwnerTable,
  SessionTable,
} from "./access-tables.ts";
import type {
  CommandTable,
  DaemonAuthTable,
  DaemonInboxTable,
  DaemonOutboxTable,
  DaemonTable,
  DeadReportTable,
  ServerTable,
} from "./daemon-tables.ts";
import type {
  CheckpointTable,
  IterationTable,
  RunTable,
  TaskEventTable,
  TaskSeqTable,
} from "./run-tables.ts";
import type {
  ContractTable,
  EventTable,
  PendingMessageTable,
  QuestionTable,
  RepositoryTable,
  TaskDependencyTable,
  TaskTable,
} from "./work-tables.ts";

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
