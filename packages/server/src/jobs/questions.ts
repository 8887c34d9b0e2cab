/** Questions of agents: listed oldest first, shown. */
import type { Selectable } from "kysely";
import type { QuestionView } from "@makima/protocol/api/mesh";
import type { Caller, Deps } from "../deps.ts";
import { done, refused, type Outcome } from "../outcome.ts";
import type { QuestionTable } from "../store/work-tables.ts";
import { cursorNumber, findTask, pageOfRows } from "./find.ts";
import type { Page } from "./list-tasks.ts";

export interface ListQuestions {
  limit: number;
  after?: string | undefined;
  status?: QuestionView["status"] | undefined;
  taskId?: string | undefined;
}

export async function listQuestions(
  deps: Deps,
  caller: Caller,
  { limit, after, status, taskId }: ListQuestions,
): Promise<Outcome<Page<QuestionView>>> {
  const cursor = cursorNumber(after);
  if (!cursor.ok) return cursor;
  let query = deps.db.selectFrom("question").selectAll().where("owner_id", "=", caller.ownerId);
  if (taskId !== undefined) {
    const task = await findTask(deps, caller, taskId);
    if (!task.ok) return task;
    query = query.where("task_id", "=", task.value);
  }
  if (status !== undefined) query = query.where("status", "=", status);
  if (cursor.value !== undefined) query = query.where("position", ">", cursor.value);
  const rows = await query
    .orderBy("position")
    .limit(limit + 1)
    .execute();
  return done(pageOfRows(rows, limit, (row) => row.position, questionView));
}

/** A question whose id is known to be the caller's. */
export async function questionById(deps: Deps, id: string): Promise<Outcome<QuestionView>> {
  const row = await deps.db.selectFrom("question").selectAll().where("id", "=", id).executeTakeFirst();
  return row ? done(questionView(row)) : refused("QUESTION_NOT_FOUND", `There is no question "${id}".`);
}

function questionView(row: Selectable<QuestionTable>): QuestionView {
  return {
    id: row.id,
    shortId: row.short_id,
    kind: row.kind,
    contractId: row.contract_id,
    taskId: row.task_id,
    question: row.question,
    choices: row.choices,
    toolName: row.tool_name,
    toolInput: row.tool_input,
    status: row.status,
    answer: row.answer,
    answeredBy: row.answered_by,
    askedAt: row.asked_at.toISOString(),
    answeredAt: row.answered_at?.toISOString() ?? null,
  };
}
