/** What a person wrote to a task and its agent has not taken in yet; goes into the next prompt otherwise. */
import type { Journal } from "./open.ts";

export interface WaitingMessage {
  id: string;
  text: string;
}

export function keepMessage(
  journal: Journal,
  run: { runId: string; taskId: string },
  message: WaitingMessage,
): void {
  journal.state
    .prepare(
      "insert into message (message_id, task_id, run_id, text) values (?, ?, ?, ?) on conflict do nothing",
    )
    .run(message.id, run.taskId, run.runId, message.text);
}

/** Messages of a run that wait, oldest first. */
export function waitingMessages(journal: Journal, runId: string): WaitingMessage[] {
  const rows = journal.state
    .prepare("select message_id as id, text from message where run_id = ? order by rowid")
    .all(runId) as unknown as WaitingMessage[];
  return rows.map(({ id, text }) => ({ id, text }));
}

export function forgetMessage(journal: Journal, messageId: string): void {
  journal.state.prepare("delete from message where message_id = ?").run(messageId);
}
