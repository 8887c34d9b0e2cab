/**
 * What a job wants of its transaction: rows that it locked and changed, and what else is to be written.
 * `transact.ts` writes it all at the end.
 */
import type { Kysely } from "kysely";
import type { Command } from "@makima/protocol/daemon-wire";
import type { OutputEntry } from "@makima/protocol/history";
import type { Deps } from "../deps.ts";
import type { NewCommand } from "../store/append-commands.ts";
import type { NewEvent } from "../store/append-events.ts";
import type { NewEntry } from "../store/append-history.ts";
import type { Database } from "../store/schema.ts";
import type { ContractRow, TaskRow } from "../store/task-rows.ts";

export interface StartedRun {
  id: string;
  taskId: string;
  contractId: string | null;
  ownerId: string;
  daemonId: string;
  epoch: number;
  attempt: number;
  /** SHA-256 of the run's own key, as hex, and the key's first characters. */
  keyHash: string;
  keyPrefix: string;
  /** Waiting messages that its specification carries. */
  messages: string[];
}

export type EndReason = "done" | "failed" | "parked" | "lost" | "cancelled";

export interface EndedRun {
  id: string;
  /** Where a slot is free now. */
  daemonId: string | null;
  reason: EndReason;
  outcome?: unknown;
  runtimeSecs?: number;
  /** The task is over, so its open questions are. */
  final: boolean;
}

/** A locked row and whether it is to be written. */
export interface Held<Row> {
  row: Row;
  changed: boolean;
}
export interface HeldTask extends Held<TaskRow> {
  /** What its runs left behind changed too: loop, gate, evidence, result, usage. */
  details: boolean;
  /** It became pending and takes its place in the queue anew. */
  requeued: boolean;
}

export interface Work {
  readonly deps: Deps;
  readonly db: Kysely<Database>;
  readonly tasks: Map<string, HeldTask>;
  readonly contracts: Map<string, Held<ContractRow>>;
  readonly startedRuns: StartedRun[];
  readonly endedRuns: EndedRun[];
  readonly entries: NewEntry[];
  readonly commands: NewCommand[];
  /** By owner. */
  readonly events: Map<string, NewEvent[]>;
  /** Contracts whose status is to be looked at again because a task of theirs changed. */
  readonly settling: Set<string>;
  /** Tasks that ended, for those that depend on them. */
  readonly endedTasks: Set<string>;
  /** Highest turn placed, by owner. */
  readonly turns: Map<string, number>;
  readonly touchedTasks: Set<string>;
  readonly endedCredentials: string[];
  /** Sent already, and not waited for; errors of theirs end the transaction. */
  readonly statements: Promise<unknown>[];
  workChanged: boolean;
  timersChanged: boolean;
  /** Set by the dispatcher, whose leftovers must not call it again. */
  dispatching: boolean;
}

export function addEvent(work: Work, ownerId: string, event: NewEvent): void {
  const known = work.events.get(ownerId);
  if (known) known.push(event);
  else work.events.set(ownerId, [event]);
}

export function addEntry(work: Work, taskId: string, entry: Omit<OutputEntry, "at">, runId?: string): void {
  const at = new Date(work.deps.now()).toISOString();
  work.entries.push({ taskId, runId, entry: { at, ...entry } });
}

export function addCommand(work: Work, daemonId: string, command: Command, taskId?: string): void {
  work.commands.push({ daemonId, taskId, command });
}

/** A transaction in which nothing was done yet. */
export function newWork(deps: Deps, db: Kysely<Database>): Work {
  return {
    deps,
    db,
    tasks: new Map(),
    contracts: new Map(),
    startedRuns: [],
    endedRuns: [],
    entries: [],
    commands: [],
    events: new Map(),
    settling: new Set(),
    endedTasks: new Set(),
    turns: new Map(),
    touchedTasks: new Set(),
    endedCredentials: [],
    statements: [],
    workChanged: false,
    timersChanged: false,
    dispatching: false,
  };
}
