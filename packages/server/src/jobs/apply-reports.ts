/**
 * Applies reports of one daemon, together with how far it was read: in one transaction, so that what comes
 * twice is applied once.
 *
 * A report that cannot be applied (a bug, on one side or the other) must not keep those behind it from being
 * applied: the batch is then applied one by one, and the one that fails is put aside in `dead_report`.
 */
import { sql } from "kysely";
import type { Report } from "@makima/protocol/daemon-wire";
import type { Deps } from "../deps.ts";
import { withShortIds } from "../store/ids.ts";
import { isUuid } from "../store/resolve.ts";
import { isUnreachable } from "../store/store-error.ts";
import { holdTasks } from "./change-task.ts";
import { inGroups } from "./in-groups.ts";
import { loseRuns } from "./reconcile-runs.ts";
import { bury, later, runOf, type KnownRun, type ReportContext, type RunReport } from "./report/context.ts";
import { authRequired, authRestored, commandFailed, worktreeRemoved } from "./report/daemon-facts.ts";
import { messageDelivered, questionAsked, questionClosed } from "./report/questions.ts";
import { completionAction, runEnded } from "./report/run-ended.ts";
import {
  checkpointTaken,
  iterationEnded,
  iterationStarted,
  output,
  runPreparing,
  runStarted,
} from "./report/run-progress.ts";
import { transact, type Work } from "./transact.ts";

export interface ReportBatch {
  daemonId: string;
  journalId: string;
  /** Number of `items[0]`. */
  first: number;
  items: readonly Report[];
}

/** Batches that share one transaction at most. */
const MOST_TOGETHER = 64;

/** Reports that this server cannot take at all; the connection is of no use. */
export class ReportsError extends Error {
  readonly code: "unknown_journal" | "gap";

  constructor(code: ReportsError["code"], message: string) {
    super(message);
    this.name = "ReportsError";
    this.code = code;
  }
}

/** The highest number that is stored now. Throws ReportsError, or the database's error when it does not answer. */
export function applyReports(deps: Deps, batch: ReportBatch): Promise<number> {
  // Output goes its own way: it changes no state, so it waits for nobody.
  return batch.items.every((item) => item.type === "output")
    ? applyAlone(deps, batch)
    : together(deps, batch);
}

async function applyAlone(deps: Deps, batch: ReportBatch): Promise<number> {
  try {
    const [stored] = await apply(deps, [batch]);
    return stored ?? batch.first - 1;
  } catch (error) {
    if (error instanceof ReportsError || isUnreachable(error)) throw error;
    deps.log.warn(
      { err: error, daemonId: batch.daemonId, first: batch.first },
      "reports are applied one by one",
    );
    return applyEach(deps, batch);
  }
}

/**
 * Changes of state of one owner are numbered under one lock until they are on the disk. So batches of many
 * daemons share a transaction: what comes while one is on its way goes with the next.
 */
const together = inGroups<ReportBatch, number>(MOST_TOGETHER, async (deps, batches) => {
  try {
    const stored = await apply(deps, batches);
    return stored.map((value) => ({ ok: true, value }));
  } catch {
    // One of them cannot be applied; each by itself, so that it is the only one to fail.
    return Promise.all(
      batches.map((batch) =>
        applyAlone(deps, batch).then(
          (value) => ({ ok: true as const, value }),
          (error: unknown) => ({ ok: false as const, error }),
        ),
      ),
    );
  }
});

/** In one transaction; inboxes are locked in the order of their daemons' ids. */
async function apply(deps: Deps, batches: readonly ReportBatch[]): Promise<number[]> {
  const inOrder = [...batches.entries()].sort(([, a], [, b]) => (a.daemonId < b.daemonId ? -1 : 1));
  return withShortIds((tries) =>
    transact(deps, async (work) => {
      const stored: number[] = [];
      for (const [index, batch] of inOrder) stored[index] = await applyBatch(work, batch, tries);
      return stored;
    }),
  );
}

async function applyEach(deps: Deps, { items, first, ...from }: ReportBatch): Promise<number> {
  let stored = first - 1;
  for (const [index, item] of items.entries()) {
    const one = { ...from, first: first + index, items: [item] };
    try {
      stored = (await apply(deps, [one]))[0] ?? stored;
    } catch (error) {
      if (error instanceof ReportsError || isUnreachable(error)) throw error;
      const problem = error instanceof Error ? (error.stack ?? error.message) : String(error);
      stored = await transact(deps, (work) => applyBatch(work, one, 0, problem));
    }
  }
  return stored;
}

/** With `problem` the reports are put aside instead of applied. */
async function applyBatch(work: Work, batch: ReportBatch, tries: number, problem?: string): Promise<number> {
  const { daemonId, journalId, first, items } = batch;
  const inbox = await lockInbox(work, batch);
  if (first > inbox.reports_stored + 1) {
    throw new ReportsError(
      "gap",
      `Reports ${inbox.reports_stored + 1} to ${first - 1} are missing; the daemon must send them again.`,
    );
  }
  const fresh = items.slice(inbox.reports_stored + 1 - first);
  if (fresh.length === 0) return inbox.reports_stored;
  const stored = first + items.length - 1;
  const context: ReportContext = {
    work,
    daemonId,
    journalId,
    ownerId: inbox.owner_id,
    runs: problem === undefined ? await runsOf(work, fresh) : new Map(),
    tries,
    statements: [],
  };
  if (problem === undefined) await holdTasks(work, changedTasks(context, fresh));
  for (const [index, report] of fresh.entries()) {
    const seq = stored - fresh.length + 1 + index;
    if (problem === undefined) await applyOne(context, seq, report);
    else bury(context, seq, report, problem);
  }
  later(
    context,
    sql`update makima.daemon_inbox set reports_stored = ${stored} where daemon_id = ${daemonId}`.execute(
      work.db,
    ),
  );
  await Promise.all(context.statements);
  if (inbox.unaccounted_after !== null && stored >= inbox.unaccounted_after) {
    await loseRuns(work, inbox.unaccounted, "Its daemon came back without it");
    await sql`update makima.daemon_inbox set unaccounted = '{}', unaccounted_after = null
      where daemon_id = ${daemonId}`.execute(work.db);
  }
  return stored;
}

interface Inbox {
  owner_id: string;
  journal_id: string;
  reports_stored: number;
  unaccounted: string[];
  unaccounted_after: number | null;
}

async function lockInbox({ db }: Work, { daemonId, journalId }: ReportBatch): Promise<Inbox> {
  const { rows } = await sql<Inbox>`
    select d.owner_id, i.journal_id, i.reports_stored, i.unaccounted, i.unaccounted_after
    from makima.daemon_inbox i join makima.daemon d on d.id = i.daemon_id
    where i.daemon_id = ${daemonId} for update of i`.execute(db);
  const [inbox] = rows;
  if (inbox?.journal_id === journalId) return inbox;
  throw new ReportsError(
    "unknown_journal",
    `Daemon ${daemonId} has another journal by now; it must connect anew.`,
  );
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

/** Output and checkpoints change no task, and are what comes most. */
function changedTasks(context: ReportContext, reports: readonly Report[]): string[] {
  return reports.flatMap((report) => {
    if (!("runId" in report) || report.type === "output" || report.type === "messageDelivered") return [];
    return runOf(context, report)?.task_id ?? [];
  });
}

async function applyOne(context: ReportContext, seq: number, report: Report): Promise<void> {
  switch (report.type) {
    case "authRequired":
      return authRequired(context, report);
    case "authRestored":
      return authRestored(context, report);
    case "worktreeRemoved":
      return worktreeRemoved(context, report);
    case "commandFailed":
      return commandFailed(context, report);
    default: {
      const run = runOf(context, report);
      if (run) return applyToRun(context, report, run);
      return bury(context, seq, report, "The run is not known, or it is not this daemon's.");
    }
  }
}

function applyToRun(context: ReportContext, report: RunReport, run: KnownRun): Promise<void> | void {
  switch (report.type) {
    case "runPreparing":
      return runPreparing(context, report);
    case "runStarted":
      return runStarted(context, report);
    case "output":
      return output(context, report);
    case "iterationStarted":
      return iterationStarted(context, report);
    case "iterationEnded":
      return iterationEnded(context, report);
    case "checkpointTaken":
      return checkpointTaken(context, report);
    case "questionAsked":
      return questionAsked(context, report);
    case "questionClosed":
      return questionClosed(context, report);
    case "messageDelivered":
      return messageDelivered(context, report);
    case "completionAction":
      return completionAction(context, report);
    case "runEnded":
      return runEnded(context, report, run);
  }
}
