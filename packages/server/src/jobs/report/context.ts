/** What every kind of report is applied with. */
import type { Report } from "@makima/protocol/daemon-wire";
import type { Usage } from "@makima/protocol/gate";
import { hasLiveRun } from "@makima/core/task";
import { toJson } from "../../store/json.ts";
import { newId } from "../../store/ids.ts";
import { type HeldTask, type Work, addEntry } from "../work.ts";
import { touchTask } from "../change-task.ts";

export interface KnownRun {
  id: string;
  task_id: string;
  owner_id: string;
  daemon_id: string;
  epoch: number;
  end_reason: string | null;
  created_at: Date;
}

export interface ReportContext {
  work: Work;
  daemonId: string;
  ownerId: string;
  journalId: string;
  /** Runs that reports of this batch speak of, by id. */
  runs: Map<string, KnownRun>;
  /** How often a short id was taken already. */
  tries: number;
  /** Statements that nobody waits for one by one; they travel together. */
  statements: Promise<unknown>[];
}

export type RunReport = Extract<Report, { runId: string }>;

/** The run that a report speaks of, if it is this daemon's and as the report says. */
export function runOf(context: ReportContext, { runId, taskId, epoch }: RunReport): KnownRun | undefined {
  const run = context.runs.get(runId);
  const fits = run?.daemon_id === context.daemonId && run.task_id === taskId && run.epoch === epoch;
  return fits ? run : undefined;
}

/** The task, if the run that reports is the one that holds its lease. */
export function currentTask(
  { work }: ReportContext,
  { runId, taskId, epoch }: RunReport,
): HeldTask | undefined {
  const held = work.tasks.get(taskId);
  if (!held) return undefined;
  const { row } = held;
  return row.run_id === runId && row.epoch === epoch && hasLiveRun(row.status) ? held : undefined;
}

/** A change of state by a run that is not the task's any more: it changes nothing, and the history says so. */
export function noteStale(context: ReportContext, report: RunReport): void {
  const run = context.runs.get(report.runId);
  // Whoever was cancelled is expected to say that it stopped.
  if (!run || run.end_reason === "cancelled") return;
  const content = `Run ${report.runId} of epoch ${report.epoch} is not the task's any more; what it reported (${report.type}) changes nothing.`;
  addEntry(context.work, report.taskId, { messageType: "notice", content }, report.runId);
}

/** Tokens and money that were used count whoever used them. */
export function addUsage(work: Work, held: HeldTask, used: Usage): void {
  const { row } = held;
  row.usage = {
    inputTokens: row.usage.inputTokens + used.inputTokens,
    outputTokens: row.usage.outputTokens + used.outputTokens,
    cacheTokens: row.usage.cacheTokens + used.cacheTokens,
    costUsd: row.usage.costUsd + used.costUsd,
    ...newest(row.usage, used),
  };
  row.spent_cost_usd += used.costUsd;
  touchTask(work, held, true);
}

function newest(before: Usage, now: Usage): Pick<Usage, "contextTokens" | "contextWindow"> {
  const contextTokens = now.contextTokens ?? before.contextTokens;
  const contextWindow = now.contextWindow ?? before.contextWindow;
  return {
    ...(contextTokens === undefined ? {} : { contextTokens }),
    ...(contextWindow === undefined ? {} : { contextWindow }),
  };
}

/** Adds a statement that nobody waits for until the batch is through. */
export function later({ statements }: ReportContext, statement: Promise<unknown>): void {
  // Should one before it fail, nobody comes to wait for this one.
  statement.catch(() => undefined);
  statements.push(statement);
}

/** Puts a report aside that cannot be applied, so that those behind it can. */
export function bury(context: ReportContext, seq: number, report: Report, problem: string): void {
  const { work, daemonId, journalId } = context;
  work.deps.log.error(
    { daemonId, seq, type: report.type, problem },
    "a report cannot be applied and is put aside",
  );
  const row = {
    id: newId(),
    daemon_id: daemonId,
    journal_id: journalId,
    seq,
    report: toJson(report),
    problem,
  };
  later(context, work.db.insertInto("dead_report").values(row).execute());
}
