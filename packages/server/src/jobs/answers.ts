/** Answers to questions of runs that did not wait for them: they go into the next run's first prompt. */
import { sql } from "kysely";
import { newId } from "../store/ids.ts";
import { storable } from "../store/json.ts";
import type { Work } from "./work.ts";

interface Answered {
  id: string;
  owner_id: string;
  question: string;
  answer: string | null;
  note: string | null;
}

/** Turns answers that the run's agent did not get into waiting messages; says how many questions are open still. */
export async function carryAnswers(work: Work, taskId: string, runId: string): Promise<{ open: number }> {
  const { rows } = await sql<Answered>`
    update makima.question set carried = true
    where task_id = ${taskId} and run_id = ${runId} and status = 'answered' and not carried
    returning id, owner_id, question, answer, note`.execute(work.db);
  for (const answered of rows) await keepAnswer(work, taskId, answered);
  const { rows: left } = await sql`
    select from makima.question where task_id = ${taskId} and run_id = ${runId} and status = 'open'`.execute(
    work.db,
  );
  return { open: left.length };
}

export async function keepAnswer(work: Work, taskId: string, answered: Answered): Promise<void> {
  const note = answered.note ? ` — ${answered.note}` : "";
  const text = `Answer to your question "${answered.question}": ${answered.answer ?? ""}${note}`;
  await work.db
    .insertInto("pending_message")
    .values({ id: newId(), task_id: taskId, owner_id: answered.owner_id, text: storable(text) })
    .execute();
}
