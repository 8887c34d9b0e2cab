/** Goes on with a blocked or paused task, with more iterations, more money or a new instruction. */
import { HARD_LIMIT, raise, type BreakerState } from "@makima/core/circuit-breaker";
import type { TaskView } from "@makima/protocol/api/task-schema";
import type { LoopState } from "@makima/protocol/gate";
import type { Caller, Deps } from "../deps.ts";
import { done, refused, type Outcome } from "../outcome.ts";
import { newId } from "../store/ids.ts";
import { storable } from "../store/json.ts";
import type { TaskRow } from "../store/task-rows.ts";
import { actOnTask, stepped } from "./act-on-task.ts";
import { touchTask } from "./change-task.ts";

export interface ContinueTask {
  id: string;
  moreIterations?: number | undefined;
  instruction?: string | undefined;
  addCostUsd?: number | undefined;
}

/** Iterations that an open breaker is given when nobody says how many. */
const DEFAULT_MORE = 10;

/** A task that waits for a question is answered, not continued; one over its money needs more of it. */
export function continueTask(deps: Deps, caller: Caller, input: ContinueTask): Promise<Outcome<TaskView>> {
  return actOnTask(deps, caller, input.id, async (work, held) => {
    const { row } = held;
    if (overMoney(row) && input.addCostUsd === undefined) {
      return refused(
        "VALIDATION_FAILED",
        `Task ${row.short_id} has used its $${row.max_cost_usd}. Say how much to add.`,
        {
          errors: [{ pointer: "/addCostUsd", message: "is needed: the task has used its money" }],
          next: [`makima tasks continue ${row.short_id} --add-cost 5`],
        },
      );
    }
    const outcome = stepped(work, held, { type: "continued" }, `continued by ${caller.ownerName}`);
    if (!outcome.ok) return outcome;
    if (input.addCostUsd !== undefined && row.max_cost_usd !== null) {
      row.max_cost_usd = Math.max(row.max_cost_usd, row.spent_cost_usd) + input.addCostUsd;
    }
    grantIterations(row, input.moreIterations);
    touchTask(work, held, true);
    const instruction = input.instruction?.trim();
    if (instruction) {
      await work.db
        .insertInto("pending_message")
        .values({ id: newId(), task_id: row.id, owner_id: row.owner_id, text: storable(instruction) })
        .execute();
    }
    return done(undefined);
  });
}

function overMoney(row: TaskRow): boolean {
  return (
    row.blocked_by === "limit_reached" && row.max_cost_usd !== null && row.spent_cost_usd >= row.max_cost_usd
  );
}

/** Closes an open breaker; the rows it counts start anew, the total goes on. */
function grantIterations(row: TaskRow, more: number | undefined): void {
  const breaker = row.loop && isBreaker(row.loop.breaker) ? row.loop.breaker : undefined;
  if (!breaker) {
    if (more !== undefined) row.max_iterations = Math.min(HARD_LIMIT, row.iteration + more);
    return;
  }
  if (more === undefined && !breaker.open) return;
  const raised = raise(breaker, more ?? DEFAULT_MORE);
  row.max_iterations = raised.thresholds.maxIterations;
  row.loop = { ...row.loop, breaker: { ...raised } } as LoopState;
}

function isBreaker(value: unknown): value is BreakerState {
  return typeof value === "object" && value !== null && "thresholds" in value && "iterations" in value;
}
