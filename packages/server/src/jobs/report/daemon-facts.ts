/** What a daemon reports of itself: logins, worktrees that are gone, commands that it could not carry out. */
import { sql } from "kysely";
import type { Command, ReportOf } from "@makima/protocol/daemon-wire";
import { changeTask, holdTasks, touchTask } from "../change-task.ts";
import { requireLogin, restoreLogin } from "../daemon-logins.ts";
import { addEntry } from "../work.ts";
import type { ReportContext } from "./context.ts";

export async function authRequired(context: ReportContext, report: ReportOf<"authRequired">): Promise<void> {
  const { work, daemonId, ownerId } = context;
  const { agent, hostname, message, loginUrl, taskId } = report;
  await requireLogin(work, { daemonId, ownerId, agent, hostname, message, loginUrl, taskId });
}

export async function authRestored(context: ReportContext, report: ReportOf<"authRestored">): Promise<void> {
  await restoreLogin(context.work, context.daemonId, report.agent);
}

export async function worktreeRemoved(
  context: ReportContext,
  report: ReportOf<"worktreeRemoved">,
): Promise<void> {
  const { work, ownerId } = context;
  const [held] = await holdTasks(work, [report.taskId]);
  // The task may be gone, or on another daemon by now, with a worktree there.
  if (!held || held.row.owner_id !== ownerId || held.row.daemon_id !== context.daemonId) return;
  held.row.worktree_path = null;
  touchTask(work, held);
  if (report.rescueRef !== undefined) {
    const content = `The worktree was removed; what was not committed is kept on ${report.rescueRef}.`;
    addEntry(work, report.taskId, { messageType: "notice", content });
  }
}

/** A run that could not even begin fails its task; of any other command the history tells. */
export async function commandFailed(
  context: ReportContext,
  report: ReportOf<"commandFailed">,
): Promise<void> {
  const { work, daemonId, ownerId } = context;
  const { rows } = await sql<{ task_id: string | null; payload: Command }>`
    select task_id, payload from makima.command where daemon_id = ${daemonId} and seq = ${report.commandSeq}`.execute(
    work.db,
  );
  const [command] = rows;
  if (!command?.task_id) return;
  const [held] = await holdTasks(work, [command.task_id]);
  if (!held || held.row.owner_id !== ownerId) return;
  const { payload } = command;
  const message = `The daemon could not carry out ${payload.type}: ${report.message}`;
  if (payload.type === "spawnTask" && held.row.run_id === payload.spec.runId) {
    const outcome = { type: "failed", error: { kind: "unknown", message } } as const;
    changeTask(
      work,
      held,
      { type: "ended", epoch: payload.spec.epoch, outcome },
      { outcome, detail: message },
    );
    return;
  }
  if (payload.type === "retryCompletionAction") {
    held.row.action_retrying = false;
    touchTask(work, held);
  }
  addEntry(work, command.task_id, { messageType: "error", content: message, isError: true });
}
