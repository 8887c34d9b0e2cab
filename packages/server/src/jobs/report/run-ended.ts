/**
 * A run is over. Exactly one end counts: the one of the run that holds the lease.
 *
 * A run that parks may wait for something that came a moment earlier. So the wake condition is looked at
 * again here, in the transaction that parks.
 */
import type { RunOutcome } from "@makima/core/task";
import type { ReportOf } from "@makima/protocol/daemon-wire";
import { changeTask, touchTask } from "../change-task.ts";
import { wasRestored } from "../daemon-logins.ts";
import { cleanUpWorktree } from "../settle-contracts.ts";
import { addEntry, type HeldTask } from "../work.ts";
import { carryAnswers } from "../answers.ts";
import { addUsage, currentTask, noteStale, type KnownRun, type ReportContext } from "./context.ts";

export async function runEnded(
  context: ReportContext,
  report: ReportOf<"runEnded">,
  run: KnownRun,
): Promise<void> {
  const { work } = context;
  const known = work.tasks.get(report.taskId);
  if (known) {
    known.row.runtime_secs += report.runtimeSecs;
    known.row.spent_secs += report.runtimeSecs;
    touchTask(work, known, true);
    if (report.usage) addUsage(work, known, report.usage);
  }
  const held = currentTask(context, report);
  if (!held) return noteStale(context, report);
  const { row } = held;
  if (report.loop) row.loop = report.loop;
  if (report.result) row.result = report.result;
  const outcome = outcomeOf(report.outcome);
  changeTask(
    work,
    held,
    { type: "ended", epoch: report.epoch, outcome },
    {
      outcome,
      runtimeSecs: report.runtimeSecs,
      ...(wordsFor(outcome) ? { detail: wordsFor(outcome) ?? "" } : {}),
    },
  );
  if (outcome.type === "parked") await wakeIfDue(context, held, outcome, run);
}

function outcomeOf(outcome: ReportOf<"runEnded">["outcome"]): RunOutcome {
  if (outcome.type !== "parked") return outcome;
  const { type, reason, detail, wakeAt } = outcome;
  return {
    type,
    reason,
    ...(detail === undefined ? {} : { detail }),
    ...(wakeAt === undefined ? {} : { wakeAt }),
  };
}

function wordsFor(outcome: RunOutcome): string | undefined {
  if (outcome.type === "done") return undefined;
  return outcome.type === "failed" ? outcome.error.message : (outcome.detail ?? outcome.reason);
}

async function wakeIfDue(
  { work, daemonId }: ReportContext,
  held: HeldTask,
  outcome: Extract<RunOutcome, { type: "parked" }>,
  run: KnownRun,
): Promise<void> {
  const { row } = held;
  if (outcome.reason === "question") {
    const { open } = await carryAnswers(work, row.id, run.id);
    if (open === 0) changeTask(work, held, { type: "woken" }, { detail: "the answer is there" });
    return;
  }
  if (outcome.reason === "auth" && (await wasRestored(work, daemonId, row.agent, run.created_at))) {
    changeTask(work, held, { type: "woken" }, { detail: `${row.agent} is signed in again` });
  }
}

/** The completion action that a person asked for again has ended. */
export function completionAction(context: ReportContext, report: ReportOf<"completionAction">): void {
  const { work } = context;
  const held = work.tasks.get(report.taskId);
  if (!held || held.row.run_id !== report.runId || held.row.epoch !== report.epoch)
    return noteStale(context, report);
  held.row.result = report.result;
  held.row.action_retrying = false;
  touchTask(work, held, true);
  const contract = held.row.contract_id ? work.contracts.get(held.row.contract_id) : undefined;
  if (contract?.row.status === "completed") cleanUpWorktree(work, held.row);
  const content = report.result.ok
    ? `${report.result.action} succeeded`
    : `${report.result.action} failed again: ${report.result.error ?? "no reason given"}`;
  addEntry(work, report.taskId, { messageType: "state", content, isError: !report.result.ok }, report.runId);
}
