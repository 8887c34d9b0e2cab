/** Stops a task for good. It counts at once; the daemon stops the agent and keeps its work on a checkpoint. */
import type { TaskView } from "@makima/protocol/api/task-schema";
import type { Caller, Deps } from "../deps.ts";
import type { Outcome } from "../outcome.ts";
import { actOnTask, stepped } from "./act-on-task.ts";

export function cancelTask(deps: Deps, caller: Caller, { id }: { id: string }): Promise<Outcome<TaskView>> {
  return actOnTask(deps, caller, id, (work, held) =>
    stepped(work, held, { type: "cancel" }, `cancelled by ${caller.ownerName}`),
  );
}
