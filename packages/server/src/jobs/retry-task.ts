/** Runs a task that is over again, from the start of its loop. What its earlier runs wrote and cost stays told. */
import type { TaskView } from "@makima/protocol/api/task-schema";
import type { Caller, Deps } from "../deps.ts";
import { done, type Outcome } from "../outcome.ts";
import { actOnTask, stepped } from "./act-on-task.ts";
import { touchTask } from "./change-task.ts";
import { edgesOf, settle } from "./settle-dependents.ts";

/** Its limits count anew. A task whose dependencies are still not done fails again at once, saying so. */
export function retryTask(deps: Deps, caller: Caller, { id }: { id: string }): Promise<Outcome<TaskView>> {
  return actOnTask(deps, caller, id, async (work, held) => {
    const outcome = stepped(work, held, { type: "retry" }, `tried again by ${caller.ownerName}`);
    if (!outcome.ok) return outcome;
    const { row } = held;
    row.loop = null;
    row.gate = null;
    row.evidence = [];
    row.result = null;
    row.iteration = 0;
    row.spent_cost_usd = 0;
    row.spent_secs = 0;
    row.action_retrying = false;
    touchTask(work, held, true);
    settle(work, held, await edgesOf(work, row.id));
    return done(undefined);
  });
}
