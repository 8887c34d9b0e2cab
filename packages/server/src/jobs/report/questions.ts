/** What an agent asks, and when it no longer waits; messages that it took in. */
import { sql } from "kysely";
import type { ReportOf } from "@makima/protocol/daemon-wire";
import { newShortId } from "../../store/ids.ts";
import { storable, toJson } from "../../store/json.ts";
import { addEvent } from "../work.ts";
import { currentTask, later, noteStale, type ReportContext } from "./context.ts";

export function questionAsked(context: ReportContext, report: ReportOf<"questionAsked">): void {
  const { work, ownerId } = context;
  const held = currentTask(context, report);
  if (!held) return noteStale(context, report);
  const { contract_id: contractId } = held.row;
  const question = storable(report.question);
  later(
    context,
    work.db
      .insertInto("question")
      .values({
        id: report.questionId,
        owner_id: ownerId,
        short_id: newShortId("q", context.tries),
        contract_id: contractId,
        task_id: report.taskId,
        run_id: report.runId,
        epoch: report.epoch,
        kind: report.kind,
        question,
        choices: toJson(report.choices),
        tool_name: report.toolName ?? null,
        tool_input: report.toolInput === undefined ? null : toJson(report.toolInput),
        status: "open",
      })
      // The same question again, by a daemon that read its agent's output a second time.
      .onConflict((conflict) => conflict.column("id").doNothing())
      .execute(),
  );
  addEvent(work, ownerId, {
    type: "QuestionAsked",
    contractId,
    taskId: report.taskId,
    data: { questionId: report.questionId, question, questionType: report.kind, taskName: held.row.name },
  });
}

/** The agent has the answer, or does not wait for one any more. */
export function questionClosed(context: ReportContext, report: ReportOf<"questionClosed">): void {
  const { work } = context;
  later(
    context,
    sql`update makima.question set carried = true, status = case status when 'open' then 'closed' else status end
      where id = ${report.questionId} and run_id = ${report.runId}`.execute(work.db),
  );
}

export function messageDelivered(context: ReportContext, report: ReportOf<"messageDelivered">): void {
  const { work } = context;
  later(
    context,
    sql`update makima.pending_message set delivered_at = coalesce(delivered_at, now())
      where id = ${report.messageId} and task_id = ${report.taskId}`.execute(work.db),
  );
}
