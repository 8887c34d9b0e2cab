/** Asks the daemon that has a task's worktree, and believes its answer only as far as the schema goes. */
import type { TaskView } from "@makima/protocol/api/task-schema";
import type { Query } from "@makima/protocol/daemon-wire";
import type { z } from "zod";
import type { Caller } from "../../deps.ts";
import { showTask } from "../../jobs/show-task.ts";
import { done, refused, type Outcome } from "../../outcome.ts";
import type { HandlerContext } from "./context.ts";

/** NO_DAEMON when no daemon has had the task yet, or the one that has it is not connected. */
export async function askDaemonOf<S extends z.ZodType>(
  context: HandlerContext,
  caller: Caller,
  { id }: { id: string },
  route: { response?: S },
  queryFor: (task: TaskView) => Query,
): Promise<Outcome<z.output<S>>> {
  const shown = await showTask(context.deps, caller, { id });
  if (!shown.ok) return shown;
  const task = shown.value;
  if (task.daemonId === null) {
    return refused(
      "NO_DAEMON",
      `No daemon has worked on ${task.shortId} yet, so there is nothing to look at.`,
      {
        next: ["makima status"],
      },
    );
  }
  return understood(await context.queryDaemon(task.daemonId, queryFor(task)), route);
}

export function understood<S extends z.ZodType>(
  answer: Outcome<unknown>,
  { response }: { response?: S },
): Outcome<z.output<S>> {
  if (!answer.ok) return answer;
  const parsed = response?.safeParse(answer.value);
  if (parsed?.success) return done(parsed.data);
  return refused("NO_DAEMON", "The daemon's answer is not understood: its makima is of another version.", {
    next: ["makima status"],
  });
}
