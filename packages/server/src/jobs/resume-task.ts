/** Goes on with a paused task, or with a blocked one whose cause a person knows to be gone. */
import type { ParkReason } from "@makima/core/task";
import type { TaskView } from "@makima/protocol/api/task-schema";
import type { Caller, Deps } from "../deps.ts";
import { refused, type Outcome } from "../outcome.ts";
import { actOnTask, stepped } from "./act-on-task.ts";

/** These need a decision, not just another try: more iterations or money, an answer. */
const NEEDS_MORE: Partial<Record<ParkReason, "continue" | "answer">> = {
  circuit_breaker: "continue",
  limit_reached: "continue",
  question: "answer",
};

export function resumeTask(deps: Deps, caller: Caller, { id }: { id: string }): Promise<Outcome<TaskView>> {
  return actOnTask(deps, caller, id, (work, held) => {
    const { row } = held;
    const needed = row.blocked_by ? NEEDS_MORE[row.blocked_by] : undefined;
    if (needed) {
      const what =
        needed === "answer" ? "its question must be answered" : "it must be given more or told something new";
      return refused("INVALID_TRANSITION", `Task ${row.short_id} is blocked by ${row.blocked_by}: ${what}.`, {
        details: { from: row.status, blockedBy: row.blocked_by },
        next: [needed === "answer" ? "makima questions" : `makima tasks continue ${row.short_id}`],
      });
    }
    return stepped(work, held, { type: "woken" }, `resumed by ${caller.ownerName}`);
  });
}
