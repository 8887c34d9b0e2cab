/** Writes to a task's agent: now if it runs, else with its next prompt. */
import { hasLiveRun, isFinal } from "@makima/core/task";
import type { TaskView } from "@makima/protocol/api/task-schema";
import type { Caller, Deps } from "../deps.ts";
import { done, refused, type Outcome } from "../outcome.ts";
import { newId } from "../store/ids.ts";
import { storable } from "../store/json.ts";
import { actOnTask } from "./act-on-task.ts";
import { addCommand } from "./work.ts";

/** Kept until the agent has it: what a run did not take in goes with the next. */
export function messageTask(
  deps: Deps,
  caller: Caller,
  { id, text }: { id: string; text: string },
): Promise<Outcome<TaskView>> {
  return actOnTask(deps, caller, id, async (work, { row }) => {
    if (isFinal(row.status)) {
      return refused(
        "INVALID_TRANSITION",
        `Task ${row.short_id} is ${row.status}: its agent reads no more messages.`,
        {
          details: { from: row.status },
          next: [`makima tasks retry ${row.short_id}`],
        },
      );
    }
    const message = { id: newId(), text: storable(text) };
    await work.db
      .insertInto("pending_message")
      .values({ ...message, task_id: row.id, owner_id: row.owner_id })
      .execute();
    if (hasLiveRun(row.status) && row.run_id && row.daemon_id) {
      const run = { runId: row.run_id, taskId: row.id, epoch: row.epoch };
      addCommand(
        work,
        row.daemon_id,
        { type: "sendMessage", ...run, messageId: message.id, text: message.text },
        row.id,
      );
    }
    return done(undefined);
  });
}
