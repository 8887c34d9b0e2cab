/**
 * Batches of reports, each of another daemon, applied in one transaction together with how far each was read.
 *
 * Everything that the reports speak of is locked at the beginning, by statements that travel together:
 * inboxes in the order of their daemons, then contracts, then tasks. The rest happens in memory.
 */
import { sql } from "kysely";
import type { Report } from "@makima/protocol/daemon-wire";
import { isUuid } from "../store/resolve.ts";
import { holdTasks } from "./change-task.ts";
import { placeInFreedSlots } from "./dispatch.ts";
import { prepareSettling } from "./read-settling.ts";
import { loseRuns } from "./reconcile-runs.ts";
import { applyOne } from "./report/apply-one.ts";
import { bury, later, type KnownRun, type ReportContext } from "./report/context.ts";
import type { Work } from "./work.ts";

export interface ReportBatch {
  daemonId: string;
  journalId: string;
  /** Number of `items[0]`. */
  first: number;
  items: readonly Report[];
}

/** Reports that this server cannot take at all; the connection is of no use. */
export class ReportsError extends Error {
  readonly code: "unknown_journal" | "gap";

  constructor(code: ReportsError["code"], message: string) {
    super(message);
    this.name = "ReportsError";
    this.code = code;
  }
}

interface Inbox {
  daemon_id: string;
  owner_id: string;
  journal_id: string;
  reports_stored: number;
  unaccounted: string[];
  unaccounted_after: number | null;
}

/**
 * The highest number stored now, for each batch; no two may be of one daemon. `tries` counts how often a
 * short id was taken. With `problem` the reports are put aside instead of applied. Throws ReportsError.
 */
export async function applyBatches(
  work: Work,
  batches: readonly ReportBatch[],
  tries: number,
  problem?: string,
): Promise<number[]> {
  const reports = problem === undefined ? batches.flatMap(({ items }) => items) : [];
  const [inboxes, runs] = await Promise.all([
    lockInboxes(work, batches),
    runsOf(work, reports),
    holdTasks(work, changedTasks(reports)),
  ]);
  const stored: number[] = [];
  for (const batch of batches) {
    const inbox = inboxFor(inboxes, batch);
    const { daemonId, journalId } = batch;
    const context = { work, daemonId, journalId, ownerId: inbox.owner_id, runs, tries, statements: [] };
    stored.push(await applyBatch(context, batch, inbox, problem));
  }
  // Read while slots are looked for; both are needed to commit.
  prepareSettling(work);
  await placeInFreedSlots(work);
  return stored;
}

async function applyBatch(
  context: ReportContext,
  { first, items, daemonId }: ReportBatch,
  inbox: Inbox,
  problem: string | undefined,
): Promise<number> {
  const { work } = context;
  const fresh = items.slice(inbox.reports_stored + 1 - first);
  if (fresh.length === 0) return inbox.reports_stored;
  const stored = first + items.length - 1;
  for (const [index, report] of fresh.entries()) {
    const seq = stored - fresh.length + 1 + index;
    if (problem === undefined) await applyOne(context, seq, report);
    else bury(context, seq, report, problem);
  }
  const moved = sql`update makima.daemon_inbox set reports_stored = ${stored} where daemon_id = ${daemonId}`;
  later(context, moved.execute(work.db));
  if (inbox.unaccounted_after !== null && stored >= inbox.unaccounted_after) {
    await loseRuns(work, inbox.unaccounted, "Its daemon came back without it");
    const settled = sql`update makima.daemon_inbox set unaccounted = '{}', unaccounted_after = null
      where daemon_id = ${daemonId}`;
    later(context, settled.execute(work.db));
  }
  work.statements.push(...context.statements);
  return stored;
}

async function lockInboxes({ db }: Work, batches: readonly ReportBatch[]): Promise<Inbox[]> {
  const ids = batches.map(({ daemonId }) => daemonId);
  const { rows } = await sql<Inbox>`
    select i.daemon_id, d.owner_id, i.journal_id, i.reports_stored, i.unaccounted, i.unaccounted_after
    from makima.daemon_inbox i join makima.daemon d on d.id = i.daemon_id
    where i.daemon_id = any(${ids}::uuid[]) order by i.daemon_id for update of i`.execute(db);
  return rows;
}

function inboxFor(inboxes: readonly Inbox[], { daemonId, journalId, first }: ReportBatch): Inbox {
  const inbox = inboxes.find((row) => row.daemon_id === daemonId);
  if (inbox?.journal_id !== journalId) {
    throw new ReportsError(
      "unknown_journal",
      `Daemon ${daemonId} has another journal by now; it must connect anew.`,
    );
  }
  if (first > inbox.reports_stored + 1) {
    const missing = `Reports ${inbox.reports_stored + 1} to ${first - 1} are missing`;
    throw new ReportsError("gap", `${missing}; the daemon must send them again.`);
  }
  return inbox;
}

async function runsOf({ db }: Work, reports: readonly Report[]): Promise<Map<string, KnownRun>> {
  const ids = new Set(
    reports.flatMap((report) => ("runId" in report && isUuid(report.runId) ? report.runId : [])),
  );
  if (ids.size === 0) return new Map();
  const { rows } = await sql<KnownRun>`
    select id, task_id, owner_id, daemon_id, epoch, end_reason, created_at
    from makima.run where id = any(${[...ids]}::uuid[])`.execute(db);
  return new Map(rows.map((row) => [row.id, row]));
}

/** Output changes no task, and is what comes most. */
function changedTasks(reports: readonly Report[]): string[] {
  return reports.flatMap((report) => {
    if (!("runId" in report) || report.type === "output" || report.type === "messageDelivered") return [];
    return isUuid(report.taskId) ? report.taskId : [];
  });
}
