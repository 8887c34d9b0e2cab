/**
 * Answers a question. Exactly one answer wins; who comes later is told who was first.
 *
 * An agent that waits gets the answer at once. For a task that was parked meanwhile the answer goes into its
 * next prompt, and the task wakes when none of its questions is open any more.
 */
import { sql } from "kysely";
import { hasLiveRun, isFinal } from "@makima/core/task";
import type { QuestionView } from "@makima/protocol/api/mesh";
import type { Caller, Deps } from "../deps.ts";
import { done, refused, type Outcome } from "../outcome.ts";
import { storable } from "../store/json.ts";
import { carryAnswers } from "./answers.ts";
import { changeTask, holdOneTask } from "./change-task.ts";
import { findQuestion } from "./find.ts";
import { questionById } from "./questions.ts";
import { transact } from "./transact.ts";
import { addCommand, addEntry, addEvent, type Work } from "./work.ts";

export interface AnswerQuestion {
  id: string;
  answer: string;
  note?: string | undefined;
}

interface Row {
  id: string;
  task_id: string;
  run_id: string;
  epoch: number;
  short_id: string;
  kind: "question" | "permission";
  question: string;
  status: QuestionView["status"];
  answer: string | null;
  answered_by: string | null;
  answered_at: Date | null;
}

/** ALREADY_ANSWERED says who was first and with what; a question that is closed waits for nobody. */
export async function answerQuestion(
  deps: Deps,
  caller: Caller,
  input: AnswerQuestion,
): Promise<Outcome<QuestionView>> {
  const found = await findQuestion(deps, caller, input.id);
  if (!found.ok) return found;
  const answered = await transact(deps, (work) => answer(work, caller, { ...input, id: found.value }));
  return answered.ok ? questionById(deps, found.value) : answered;
}

async function answer(work: Work, caller: Caller, input: AnswerQuestion): Promise<Outcome<{ id: string }>> {
  const { rows: known } = await sql<{ task_id: string }>`
    select task_id from makima.question where id = ${input.id}`.execute(work.db);
  const [{ task_id: taskId } = { task_id: "" }] = known;
  if (!taskId) return refused("QUESTION_NOT_FOUND", `There is no question "${input.id}".`);
  // The task first: whoever parks it looks at its questions under the same lock.
  const held = await holdOneTask(work, taskId);
  const { rows } = await sql<Row>`
    select id, task_id, run_id, epoch, short_id, kind, question, status, answer, answered_by, answered_at
    from makima.question where id = ${input.id} for update`.execute(work.db);
  const [question] = rows;
  if (!question) return refused("QUESTION_NOT_FOUND", `There is no question "${input.id}".`);
  const late = refuseLate(question);
  if (late) return late;
  const text = storable(input.answer);
  const note = input.note === undefined ? null : storable(input.note);
  const by = caller.ownerName;
  await sql`update makima.question set status = 'answered', answer = ${text}, note = ${note}, answered_by = ${by},
    answered_at = now() where id = ${question.id}`.execute(work.db);
  addEvent(work, held.row.owner_id, {
    type: "QuestionAnswered",
    contractId: held.row.contract_id,
    taskId,
    data: { questionId: question.id, answer: text, answeredBy: by },
  });
  const { row } = held;
  if (row.run_id === question.run_id && row.epoch === question.epoch && hasLiveRun(row.status)) {
    const run = { runId: question.run_id, taskId, epoch: question.epoch };
    const reply = { questionId: question.id, answer: text, ...(note === null ? {} : { note }) };
    if (row.daemon_id) addCommand(work, row.daemon_id, { type: "answerQuestion", ...run, ...reply }, taskId);
    return done({ id: question.id });
  }
  if (isFinal(row.status)) return done({ id: question.id });
  addEntry(
    work,
    taskId,
    { messageType: "answer", content: note === null ? text : `${text} — ${note}` },
    question.run_id,
  );
  const { open } = await carryAnswers(work, taskId, question.run_id);
  if (open === 0 && row.blocked_by === "question") {
    changeTask(work, held, { type: "woken" }, { detail: "its question was answered" });
  }
  return done({ id: question.id });
}

function refuseLate(question: Row): Outcome<never> | undefined {
  if (question.status === "open") return undefined;
  if (question.status === "closed") {
    return refused(
      "INVALID_TRANSITION",
      `Question ${question.short_id} is closed: its agent does not wait any more.`,
    );
  }
  const { answered_by: answeredBy, answer: given, answered_at: at } = question;
  return refused(
    "ALREADY_ANSWERED",
    `Question ${question.short_id} was answered by ${answeredBy ?? "someone"}: ${given}`,
    {
      details: { answeredBy, answer: given, answeredAt: at?.toISOString() ?? null },
    },
  );
}
