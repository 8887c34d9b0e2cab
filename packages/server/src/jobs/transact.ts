/**
 * One transaction of a job, from its first lock to the signals after its commit.
 *
 * A job loads what it changes (locked), changes it in memory through `change-task.ts` and
 * `change-contract.ts`, and says what else is to be written; all of it is written at the end, in a fixed
 * order, each kind by one statement: contracts, tasks, runs, history, commands, and last the events, under
 * the owner's row. Locks are taken in this order everywhere, so transactions wait for each other but not in
 * circles; should two meet all the same, the loser runs again.
 */
import { sql } from "kysely";
import type { EventView } from "@makima/protocol/api/contracts";
import type { HistoryEntry } from "@makima/protocol/history";
import type { Deps } from "../deps.ts";
import { appendCommands } from "../store/append-commands.ts";
import { appendEvents } from "../store/append-events.ts";
import { appendHistory } from "../store/append-history.ts";
import { BrokenConnection, onOneConnection } from "../store/pin.ts";
import { isTransient } from "../store/store-error.ts";
import { writeContracts } from "./change-contract.ts";
import { writeTasks } from "./change-task.ts";
import { keepAnswer, openTicket, useKey, type Ticket } from "./once.ts";
import { writeRuns } from "./runs.ts";
import { prepareSettling } from "./read-settling.ts";
import { settleContracts } from "./settle-contracts.ts";
import { settleDependents } from "./settle-dependents.ts";
import { newWork, type Work } from "./work.ts";

const MOST_TRIES = 5;

export interface TransactOptions {
  /**
   * The job begins by reading or locking, and writes only after it has an answer. Its first statements then
   * travel with "begin"; a write that did would be kept if that failed.
   */
  readsFirst?: boolean;
}

/** Runs `job` in one transaction. A refused outcome changes nothing; neither does an error, which is thrown. */
export async function transact<T>(
  deps: Deps,
  job: (work: Work) => Promise<T>,
  options: TransactOptions = {},
): Promise<T> {
  const ticket = openTicket();
  for (let tries = 1; ; tries += 1) {
    try {
      return await runOnce(deps, ticket, job, options);
    } catch (error) {
      if (tries >= MOST_TRIES || !isTransient(error)) throw error;
      deps.log.debug({ err: error, tries }, "a transaction lost against another one and runs again");
    }
  }
}

function runOnce<T>(
  deps: Deps,
  ticket: Ticket | undefined,
  job: (work: Work) => Promise<T>,
  { readsFirst = false }: TransactOptions,
): Promise<T> {
  return onOneConnection(deps.db, async (db) => {
    const begun = sql`begin`.execute(db);
    begun.catch(() => undefined);
    if (!readsFirst || ticket) await begun;
    const work = newWork(deps, db);
    let value: T;
    let written: Written;
    try {
      const replay = ticket && (await useKey(db, ticket));
      value = replay ? (replay as T) : await job(work);
      if (replay || isRefused(value)) {
        await sql`rollback`.execute(db);
        return value;
      }
      await begun;
      written = await commit(work, () => (ticket ? [keepAnswer(db, ticket, valueOf(value))] : []));
    } catch (error) {
      await sql`rollback`.execute(db).catch(() => {
        throw new BrokenConnection(error);
      });
      throw error;
    }
    if (ticket) ticket.used = true;
    tell(work, written);
    return value;
  });
}

interface Written {
  history: Map<string, HistoryEntry[]>;
  events: Map<string, EventView[]>;
}

/**
 * Writes everything and commits. The statements do not need each other's answers and travel together; if
 * one fails, the server refuses those behind it, and its "commit" becomes a rollback.
 */
async function commit(work: Work, more: () => Promise<unknown>[]): Promise<Written> {
  const { members, edges } = prepareSettling(work);
  await settleDependents(work, edges);
  settleContracts(work, await members);
  const { db } = work;
  const written: Written = { history: new Map(), events: new Map() };
  const statements: Promise<unknown>[] = [
    ...work.statements,
    ...writeContracts(work),
    ...writeTasks(work),
    ...writeRuns(work),
  ];
  if (work.entries.length > 0) {
    statements.push(appendHistory(db, work.entries).then((history) => (written.history = history)));
  }
  if (work.commands.length > 0) statements.push(appendCommands(db, work.commands));
  statements.push(...more());
  for (const [ownerId, events] of [...work.events].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const appended = appendEvents(db, ownerId, events, work.turns.get(ownerId));
    statements.push(appended.then((views) => written.events.set(ownerId, views)));
  }
  statements.push(sql`commit`.execute(db));
  await Promise.all(statements);
  return written;
}

/** After the commit: tells whoever listens where to look. */
function tell(work: Work, written: Written): void {
  const { signals } = work.deps;
  for (const [taskId, entries] of written.history) signals.emit("historyAdded", taskId, entries);
  for (const [ownerId, events] of written.events) signals.emit("eventsAdded", ownerId, events);
  for (const taskId of work.touchedTasks) signals.emit("taskChanged", taskId);
  for (const daemonId of new Set(work.commands.map((command) => command.daemonId))) {
    signals.emit("commandsAdded", daemonId);
  }
  for (const credentialId of work.endedCredentials) signals.emit("credentialEnded", credentialId);
  if (work.timersChanged) signals.emit("timersChanged");
  // The dispatcher passes over tasks that are locked; it must look at those again.
  const passedOver =
    !work.dispatching && [...work.tasks.values()].some(({ row }) => row.status === "pending");
  if (work.workChanged || passedOver) signals.emit("workChanged");
}

function isRefused(value: unknown): boolean {
  return typeof value === "object" && value !== null && "ok" in value && value.ok === false;
}

function valueOf(value: unknown): unknown {
  return typeof value === "object" && value !== null && "value" in value ? value.value : value;
}
