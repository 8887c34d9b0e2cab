/** Tries the push, merge or pull request of a done task again, on the daemon that has its work. */
import { sql } from "kysely";
import type { TaskView } from "@makima/protocol/api/task-schema";
import type { Caller, Deps } from "../deps.ts";
import { done, refused, type Outcome } from "../outcome.ts";
import { actOnTask } from "./act-on-task.ts";
import { touchTask } from "./change-task.ts";
import { buildRunSpec } from "./run-spec.ts";
import { readCandidates } from "./spec-facts.ts";
import { addCommand } from "./work.ts";

/** INVALID_TRANSITION unless the task is done and its action failed. */
export function retryCompletionAction(
  deps: Deps,
  caller: Caller,
  { id }: { id: string },
): Promise<Outcome<TaskView>> {
  return actOnTask(deps, caller, id, async (work, held) => {
    const { row } = held;
    if (row.status !== "done" || row.result?.ok !== false || !row.run_id || !row.daemon_id) {
      const how = row.status === "done" ? "its completion action did not fail" : `it is ${row.status}`;
      return refused(
        "INVALID_TRANSITION",
        `There is nothing to try again for task ${row.short_id}: ${how}.`,
        {
          details: { from: row.status, result: row.result },
        },
      );
    }
    const [facts] = await readCandidates(work.db, sql`t.id = ${row.id}`, sql``);
    if (!facts?.repository)
      return refused("TASK_NOT_FOUND", `Task ${row.short_id} has no repository any more.`);
    // The run is over and its key with it; the daemon asks leave under its epoch all the same.
    const run = { runId: row.run_id, taskId: row.id, epoch: row.epoch };
    const { repository, contract, checkpoint } = facts;
    const spec = buildRunSpec({
      ...run,
      task: facts,
      contract,
      repository,
      checkpoint,
      messages: [],
      apiKey: "",
    });
    addCommand(work, row.daemon_id, { type: "retryCompletionAction", ...run, spec }, row.id);
    row.action_retrying = true;
    touchTask(work, held);
    return done(undefined);
  });
}
