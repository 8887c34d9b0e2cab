/** The first tables. */
import { sql, type Kysely } from "kysely";

const id = "uuid not null";
const stamp = "timestamptz not null default now()";

/**
 * What is written all the time has no foreign keys: each of its rows would lock its parent. One function a
 * table writes them, and who deletes a parent deletes them.
 */
const TABLES = [
  // What daemons know this server by, for as long as its database lives.
  `create table makima.server (id uuid not null default gen_random_uuid())`,
  `create table makima.owner (
    id uuid primary key, name text not null unique, subject text unique, role text not null check (role in ('admin', 'member')),
    event_seq bigint not null default 0, turn bigint not null default 0, created_at ${stamp}
  ) with (fillfactor = 50)`,
  `create table makima.api_key (
    id uuid primary key, owner_id ${id}, name text not null,
    kind text not null check (kind in ('person', 'daemon', 'task')), prefix text not null,
    hash bytea not null unique, scopes text[] not null, run_id uuid, task_id uuid, contract_id uuid,
    created_at ${stamp}, expires_at timestamptz, last_used_at timestamptz, revoked_at timestamptz
  ) with (fillfactor = 80)`,
  `create table makima.session (
    id uuid primary key, owner_id ${id} references makima.owner on delete cascade, hash bytea not null unique,
    created_at ${stamp}, expires_at timestamptz not null, revoked_at timestamptz
  )`,
  `create table makima.login_link (
    hash bytea primary key, owner_id ${id} references makima.owner on delete cascade,
    created_at ${stamp}, expires_at timestamptz not null, used_at timestamptz
  )`,
  `create table makima.contract (
    id uuid primary key, owner_id ${id} references makima.owner on delete cascade,
    short_id text collate "C" not null, name text not null, goal text not null, contract_type text not null,
    phase text not null, status text not null, waiting_for text, blocked_reason text, failure_reason text,
    archived_from text, autonomous_loop boolean not null, options jsonb not null, limits jsonb not null,
    last_turn bigint not null default 0, version integer not null default 1,
    completion_detected_at timestamptz, status_changed_at ${stamp}, last_activity_at ${stamp},
    created_at ${stamp}, updated_at ${stamp}, unique (owner_id, short_id)
  ) with (fillfactor = 80)`,
  `create table makima.repository (
    id uuid primary key, contract_id ${id} references makima.contract on delete cascade, owner_id ${id},
    position integer not null, name text not null, kind text not null check (kind in ('local', 'remote', 'managed')),
    path text, url text, host_id text, base_branch text, is_primary boolean not null
  )`,
  `create table makima.task (
    id uuid primary key, owner_id ${id} references makima.owner on delete cascade,
    short_id text collate "C" not null, contract_id uuid references makima.contract on delete cascade,
    repository_id uuid, name text not null, plan text not null, kind text not null, status text not null,
    epoch integer not null default 0, attempt integer not null default 1, max_attempts integer not null,
    pause_requested boolean not null default false, blocked_by text, blocked_detail text, wake_at timestamptz,
    waiting_on text, error jsonb, agent text not null, agent_script text, agent_speed double precision, model text,
    completion_action text not null, copy_files text[] not null, labels text[] not null,
    autonomous_loop boolean not null, single_task boolean not null, max_cost_usd double precision,
    max_runtime_secs double precision, branch text not null, base_branch text, base_commit text,
    target_branch text, worktree_path text, priority integer not null default 0, turn bigint not null default 0,
    held boolean not null default false, deps_left integer not null default 0, needs text not null,
    daemon_id uuid, run_id uuid, iteration integer not null default 0, max_iterations integer not null,
    action_retrying boolean not null default false, loop jsonb, gate jsonb, evidence jsonb not null default '[]',
    result jsonb, usage jsonb not null, runtime_secs double precision not null default 0,
    spent_cost_usd double precision not null default 0, spent_secs double precision not null default 0,
    version integer not null default 1, created_at ${stamp}, updated_at ${stamp},
    started_at timestamptz, ended_at timestamptz, unique (owner_id, short_id)
  ) with (fillfactor = 80)`,
  `create table makima.task_dependency (
    task_id ${id} references makima.task on delete cascade,
    depends_on_id ${id} references makima.task on delete cascade, primary key (task_id, depends_on_id)
  )`,
  `create table makima.task_seq (
    task_id uuid primary key references makima.task on delete cascade, last_seq bigint not null default 0
  ) with (fillfactor = 50)`,
  `create table makima.run (
    id uuid primary key, task_id ${id}, owner_id ${id}, daemon_id ${id},
    epoch integer not null, attempt integer not null,
    state text not null check (state in ('live', 'suspect', 'ended')), lease_expires_at timestamptz not null,
    suspect_at timestamptz, end_reason text, outcome jsonb, runtime_secs double precision,
    created_at ${stamp}, ended_at timestamptz, unique (task_id, epoch)
  ) with (fillfactor = 60)`,
  `create table makima.iteration (
    id uuid primary key, task_id ${id}, run_id ${id},
    iteration integer not null, started_at timestamptz not null, duration_ms bigint not null, exit_code integer,
    signal text, gate jsonb, verdict text not null, changed boolean not null, evidence jsonb not null, usage jsonb not null
  )`,
  `create table makima.checkpoint (
    task_id ${id}, n integer not null, run_id ${id}, ref text not null,
    commit text not null, message text not null, at timestamptz not null, files integer not null,
    insertions integer not null, deletions integer not null, omitted text[] not null, pushed boolean not null,
    primary key (task_id, n, run_id)
  )`,
  `create table makima.task_event (
    task_id ${id}, seq bigint not null, run_id uuid,
    at timestamptz not null, message_type text not null, content text not null, tool_name text, tool_input jsonb,
    is_error boolean, cost_usd double precision, duration_ms bigint, is_partial boolean, primary key (task_id, seq)
  )`,
  `create table makima.event (
    owner_id ${id}, seq bigint not null,
    at timestamptz not null default clock_timestamp(), type text not null, contract_id uuid, task_id uuid,
    data jsonb not null, primary key (owner_id, seq)
  )`,
  `create table makima.daemon (
    id uuid primary key, owner_id ${id} references makima.owner on delete cascade, name text not null,
    host_id text not null, hostname text not null, version text not null, labels text[] not null,
    slots integer not null, agents jsonb not null, draining boolean not null default false,
    connected boolean not null default false, connection_epoch bigint not null default 0,
    last_seen_at ${stamp}, created_at ${stamp}
  ) with (fillfactor = 60)`,
  `create table makima.daemon_inbox (
    daemon_id uuid primary key references makima.daemon on delete cascade, journal_id uuid not null,
    reports_stored bigint not null default 0, unaccounted uuid[] not null default '{}', unaccounted_after bigint
  ) with (fillfactor = 50)`,
  `create table makima.daemon_outbox (
    daemon_id uuid primary key references makima.daemon on delete cascade, command_seq bigint not null default 0
  ) with (fillfactor = 50)`,
  `create table makima.daemon_auth (
    daemon_id ${id} references makima.daemon on delete cascade, agent text not null, required boolean not null,
    message text not null, login_url text, changed_at ${stamp}, primary key (daemon_id, agent)
  )`,
  `create table makima.command (
    daemon_id ${id}, seq bigint not null, task_id uuid,
    payload jsonb not null, created_at ${stamp}, stored_at timestamptz, primary key (daemon_id, seq)
  ) with (fillfactor = 80)`,
  `create table makima.question (
    id uuid primary key, position bigint generated always as identity, owner_id ${id} references makima.owner on delete cascade,
    short_id text collate "C" not null, contract_id uuid references makima.contract on delete cascade,
    task_id ${id} references makima.task on delete cascade, run_id ${id}, epoch integer not null,
    kind text not null, question text not null, choices jsonb not null, tool_name text,
    tool_input jsonb, status text not null check (status in ('open', 'answered', 'closed')), answer text,
    note text, answered_by text, carried boolean not null default false, asked_at ${stamp},
    answered_at timestamptz, unique (owner_id, short_id)
  )`,
  `create table makima.pending_message (
    id uuid primary key, task_id ${id} references makima.task on delete cascade, owner_id ${id}, text text not null,
    run_id uuid, created_at ${stamp}, delivered_at timestamptz
  )`,
  `create table makima.idempotency_key (
    owner_id ${id} references makima.owner on delete cascade, key text not null, route text not null,
    hash bytea not null, value jsonb, created_at ${stamp}, primary key (owner_id, key)
  )`,
  `create table makima.dead_report (
    id uuid primary key, daemon_id ${id}, journal_id uuid not null, seq bigint not null, report jsonb not null,
    problem text not null, created_at ${stamp}
  )`,
];

const INDEXES = [
  // Lists: keyset pages by id, which grows with time.
  "create index contract_list on makima.contract (owner_id, id)",
  "create index contract_by_status on makima.contract (owner_id, status, id)",
  "create index contract_by_phase on makima.contract (owner_id, phase, id)",
  "create index repository_of_contract on makima.repository (contract_id, position)",
  "create index task_list on makima.task (owner_id, id)",
  "create index task_by_status on makima.task (owner_id, status, id)",
  "create index task_of_contract on makima.task (contract_id, id)",
  "create index event_of_contract on makima.event (contract_id, seq)",
  "create index question_list on makima.question (owner_id, position)",
  "create index question_by_status on makima.question (owner_id, status, position)",
  "create index question_of_task on makima.question (task_id, position)",
  "create index daemon_list on makima.daemon (owner_id, id)",
  "create index api_key_list on makima.api_key (owner_id, id) where kind <> 'task'",
  "create index iteration_of_task on makima.iteration (task_id, id)",
  "create index task_dependents on makima.task_dependency (depends_on_id)",
  // What background jobs look for.
  `create index task_claimable on makima.task (owner_id, priority desc, turn, id)
     where status = 'pending' and not held and deps_left = 0`,
  "create index task_wakes on makima.task (wake_at) where wake_at is not null",
  "create index task_waits_for_login on makima.task (daemon_id) where blocked_by = 'auth'",
  "create unique index run_one_live on makima.run (task_id) where state <> 'ended'",
  "create index run_live_of_daemon on makima.run (daemon_id) where state <> 'ended'",
  "create index daemon_connected on makima.daemon (owner_id, id) where connected",
  "create index message_waiting on makima.pending_message (task_id, id) where delivered_at is null",
  "create index api_key_of_run on makima.api_key (run_id) where run_id is not null",
  "create index command_done on makima.command (stored_at) where stored_at is not null",
  "create index command_waiting on makima.command (daemon_id, seq) where stored_at is null",
  "create index idempotency_age on makima.idempotency_key (created_at)",
  "create index session_age on makima.session (expires_at)",
  "create index login_link_age on makima.login_link (expires_at)",
];

const NAMES = TABLES.map((text) => /makima\.\w+/.exec(text)?.[0] ?? "").toReversed();

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const text of [...TABLES, ...INDEXES, "insert into makima.server default values"])
    await sql.raw(text).execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  for (const name of NAMES) await sql.raw(`drop table ${name}`).execute(db);
}
