/**
 * The daemon's own memory: what it must not forget when it is killed at any moment.
 *
 * One SQLite file in WAL mode. Commands that came and reports that are to go, the runs it holds with their
 * processes and loop, and the worktrees it made. Each step that is seen outside is written here first.
 *
 * Two connections: `state` syncs to the disk at each commit; `stream` (output, thousands of rows a second)
 * leaves that to the operating system. A process that is killed loses nothing in either; a machine that loses
 * power may lose the newest output rows, which shows when the server knows a higher number than the journal
 * does (see `Outbox.renew`).
 */
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";

const SCHEMA = `
  create table if not exists meta (key text primary key, value text not null) strict;
  create table if not exists outbox (seq integer primary key, report text not null) strict;
  create table if not exists command (
    seq integer primary key, payload text not null, handled integer not null default 0
  ) strict;
  create table if not exists run (
    run_id text primary key, task_id text not null, epoch integer not null, spec text not null,
    phase text not null, stop_manner text, progress text not null, runtime_ms integer not null default 0,
    stdout_offset integer not null default 0, stderr_offset integer not null default 0
  ) strict;
  create table if not exists unreadable_run (
    put_aside_at text not null, why text not null, run_id text primary key, task_id text not null,
    epoch integer not null, spec text not null, phase text not null, progress text not null
  ) strict;
  create table if not exists worktree (task_id text primary key, record text not null) strict;
  create table if not exists message (
    message_id text primary key, task_id text not null, run_id text not null, text text not null
  ) strict;
`;

export interface Journal {
  readonly state: DatabaseSync;
  readonly stream: DatabaseSync;
  /** Identity of this journal: report numbers mean something only within one. */
  readonly journalId: string;
  /** Where an unreadable journal was put aside, if this one had to be begun anew. */
  readonly replaced?: string;
  close(): void;
}

/** Opens the journal, or begins a new one; one that cannot be read is kept beside it under another name. */
export function openJournal(path: string, now: () => number = Date.now): Journal {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  try {
    return opened(path);
  } catch (cause) {
    if (!isCorrupt(cause) || !existsSync(path)) throw cause;
    const aside = `${path}.unreadable-${now()}`;
    for (const suffix of ["", "-wal", "-shm"]) {
      if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix);
    }
    return opened(path, aside);
  }
}

/** SQLite's "file is not a database" and "disk image is malformed". */
function isCorrupt(cause: unknown): boolean {
  // Extended codes hold the plain one in their lowest byte.
  const code = ((cause as { errcode?: number }).errcode ?? 0) & 0xff;
  return code === 11 || code === 26;
}

function opened(path: string, replaced?: string): Journal {
  const state = connect(path, "full");
  try {
    const check = state.prepare("pragma quick_check(1)").get() as { quick_check: string };
    if (check.quick_check !== "ok") throw Object.assign(new Error(check.quick_check), { errcode: 11 });
    state.exec(SCHEMA);
    if (metaOf(state, "journal_id") === undefined) newJournalId(state);
    const stream = connect(path, "normal");
    return {
      state,
      stream,
      get journalId() {
        return metaOf(state, "journal_id") ?? newJournalId(state);
      },
      ...(replaced === undefined ? {} : { replaced }),
      close() {
        if (stream.isOpen) stream.close();
        if (state.isOpen) state.close();
      },
    };
  } catch (cause) {
    state.close();
    throw cause;
  }
}

function connect(path: string, synchronous: "full" | "normal"): DatabaseSync {
  const db = new DatabaseSync(path);
  try {
    db.exec(`pragma journal_mode = wal; pragma synchronous = ${synchronous}; pragma busy_timeout = 5000`);
  } catch (cause) {
    db.close();
    throw cause;
  }
  return db;
}

/** Ends this numbering of reports and begins another. */
export function newJournalId(db: DatabaseSync): string {
  const id = randomUUID();
  setMeta(db, "journal_id", id);
  return id;
}

export function metaOf(db: DatabaseSync, key: string): string | undefined {
  const row = db.prepare("select value from meta where key = ?").get(key) as { value: string } | undefined;
  return row?.value;
}

export function setMeta(db: DatabaseSync, key: string, value: string): void {
  db.prepare(
    "insert into meta (key, value) values (?, ?) on conflict (key) do update set value = excluded.value",
  ).run(key, value);
}

/** Runs `work` in one transaction; what it throws rolls everything back. */
export function transaction<T>(db: DatabaseSync, work: () => T): T {
  db.exec("begin immediate");
  try {
    const value = work();
    db.exec("commit");
    return value;
  } catch (cause) {
    // A full disk may have rolled it back already.
    if (db.isTransaction) db.exec("rollback");
    throw cause;
  }
}
