/** What a run says on its way: it is being prepared, the agent works, an iteration began or ended. */
import { sql } from "kysely";
import type { ReportOf } from "@makima/protocol/daemon-wire";
import { newId } from "../../store/ids.ts";
import { toJson } from "../../store/json.ts";
import { changeTask, touchTask } from "../change-task.ts";
import { addEvent } from "../work.ts";
import { addUsage, currentTask, later, noteStale, type ReportContext } from "./context.ts";

export function runPreparing(context: ReportContext, report: ReportOf<"runPreparing">): void {
  const held = currentTask(context, report);
  if (!held) return noteStale(context, report);
  // A daemon that began again after a crash prepares a task that runs already.
  if (held.row.status === "assigned")
    changeTask(context.work, held, { type: "preparing", epoch: report.epoch });
}

export function runStarted(context: ReportContext, report: ReportOf<"runStarted">): void {
  const held = currentTask(context, report);
  if (!held) return noteStale(context, report);
  const { row } = held;
  row.worktree_path = report.worktreePath;
  row.branch = report.branch;
  row.base_commit = report.baseCommit;
  if (report.baseBranch !== undefined) row.base_branch = report.baseBranch;
  touchTask(context.work, held, true);
  if (row.status !== "running") changeTask(context.work, held, { type: "running", epoch: report.epoch });
}

/** The first iteration takes in the messages that came with the run. */
export function iterationStarted(context: ReportContext, report: ReportOf<"iterationStarted">): void {
  const { work } = context;
  const held = currentTask(context, report);
  if (!held) return;
  held.row.iteration = report.iteration;
  held.row.max_iterations = report.maxIterations;
  touchTask(work, held);
  later(
    context,
    sql`update makima.pending_message set delivered_at = now()
      where task_id = ${report.taskId} and run_id = ${report.runId} and delivered_at is null`.execute(
      work.db,
    ),
  );
}

/** Kept for late runs too; only the current run's says where the task stands. */
export function iterationEnded(context: ReportContext, report: ReportOf<"iterationEnded">): void {
  const { work } = context;
  later(
    context,
    work.db
      .insertInto("iteration")
      .values({
        id: newId(),
        task_id: report.taskId,
        run_id: report.runId,
        iteration: report.iteration,
        started_at: report.startedAt,
        duration_ms: report.durationMs,
        exit_code: report.exitCode,
        signal: report.signal,
        gate: report.gate === undefined ? null : toJson(report.gate),
        verdict: report.verdict,
        changed: report.changed,
        evidence: toJson(report.evidence),
        usage: toJson(report.usage),
      })
      .execute(),
  );
  const held = work.tasks.get(report.taskId);
  if (held) addUsage(work, held, report.usage);
  const current = currentTask(context, report);
  if (!current) return;
  current.row.iteration = report.iteration;
  current.row.gate = report.gate ?? null;
  current.row.evidence = report.evidence;
  current.row.loop = report.loop;
  touchTask(work, current, true);
}

/** Kept for late runs too: it is work that must not be lost. */
export function checkpointTaken(context: ReportContext, report: ReportOf<"checkpointTaken">): void {
  const { work } = context;
  const { taskId, runId, type: _type, epoch: _epoch, ...checkpoint } = report;
  later(
    context,
    work.db
      .insertInto("checkpoint")
      .values({ ...checkpoint, task_id: taskId, run_id: runId })
      .onConflict((conflict) => conflict.doNothing())
      .execute(),
  );
  const contractId = work.tasks.get(taskId)?.row.contract_id ?? null;
  const { n, commit, message } = checkpoint;
  addEvent(work, context.ownerId, {
    type: "CheckpointCreated",
    contractId,
    taskId,
    data: { n, commit, message },
  });
}

export function output({ work }: ReportContext, { taskId, runId, entries }: ReportOf<"output">): void {
  for (const entry of entries) work.entries.push({ taskId, runId, entry });
}
