/** What all actions on one task share: find it, lock it, change it in one transaction, show it. */
import type { TaskEvent } from "@makima/core/task";
import type { TaskView } from "@makima/protocol/api/task-schema";
import type { Caller, Deps } from "../deps.ts";
import { done, type Outcome } from "../outcome.ts";
import { changeTask, holdOneTask, refusedStep } from "./change-task.ts";
import { findTask } from "./find.ts";
import { taskAfter } from "./show-task.ts";
import { transact } from "./transact.ts";
import type { HeldTask, Work } from "./work.ts";

/** `act` changes the held task, or answers a refusal, which changes nothing. */
export async function actOnTask(
  deps: Deps,
  caller: Caller,
  id: string,
  act: (work: Work, held: HeldTask) => Promise<Outcome<unknown>> | Outcome<unknown>,
): Promise<Outcome<TaskView>> {
  const found = await findTask(deps, caller, id);
  if (!found.ok) return found;
  const changed = await transact(
    deps,
    async (work): Promise<Outcome<{ id: string }>> => {
      const outcome = await act(work, await holdOneTask(work, found.value));
      return outcome.ok ? done({ id: found.value }) : outcome;
    },
    { readsFirst: true },
  );
  return taskAfter(deps, changed);
}

/** One event of the machine; a refused step is an INVALID_TRANSITION with the events that are possible. */
export function stepped(work: Work, held: HeldTask, event: TaskEvent, detail: string): Outcome<undefined> {
  const step = changeTask(work, held, event, { detail });
  return step.ok ? done(undefined) : refusedStep(step, held.row);
}
