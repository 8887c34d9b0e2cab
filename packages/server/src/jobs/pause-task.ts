/** Pauses a task: its agent is asked to stop gently; session and work are kept. */
import type { TaskView } from "@makima/protocol/api/task-schema";
import type { Caller, Deps } from "../deps.ts";
import type { Outcome } from "../outcome.ts";
import { actOnTask, stepped } from "./act-on-task.ts";

/** A running task is paused once its agent has stopped; until then `pauseRequested` says so. */
export function pauseTask(deps: Deps, caller: Caller, { id }: { id: string }): Promise<Outcome<TaskView>> {
  return actOnTask(deps, caller, id, (work, held) =>
    stepped(work, held, { type: "pause" }, `pause asked for by ${caller.ownerName}`),
  );
}
