/** Shows a task. */
import { sql } from "kysely";
import type { TaskView } from "@makima/protocol/api/task-schema";
import type { Caller, Deps } from "../deps.ts";
import { done, refused, type Outcome } from "../outcome.ts";
import { findTask } from "./find.ts";
import { readTasks } from "./task-view.ts";

export async function showTask(
  deps: Deps,
  caller: Caller,
  { id }: { id: string },
): Promise<Outcome<TaskView>> {
  const found = await findTask(deps, caller, id);
  if (!found.ok) return found;
  return taskById(deps, found.value);
}

/** A task whose id is known to be the caller's. */
export async function taskById(deps: Deps, id: string): Promise<Outcome<TaskView>> {
  const [task] = await readTasks(deps.db, sql`t.id = ${id}`);
  return task ? done(task) : refused("TASK_NOT_FOUND", `There is no task "${id}".`, { details: { id } });
}

/** What a job that changed a task answers: the task as it is after the commit, or the job's refusal. */
export async function taskAfter(deps: Deps, changed: Outcome<{ id: string }>): Promise<Outcome<TaskView>> {
  return changed.ok ? taskById(deps, changed.value.id) : changed;
}
