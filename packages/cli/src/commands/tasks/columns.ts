/** The task list's columns. */
import type { TaskView } from "@makima/protocol/api/task-schema";
import type { Column } from "../../print/table.ts";
import { ageWords, cut, moneyWords, taskStatusWords } from "../../print/words.ts";

export function taskColumns(now: number): Column<TaskView>[] {
  return [
    { title: "ID", show: (task) => task.shortId },
    { title: "NAME", show: (task) => cut(task.name, 40), raw: (task) => task.name },
    { title: "STATUS", show: (task) => taskStatusWords(task.status), raw: (task) => task.status },
    {
      title: "ITER",
      align: "right",
      show: (task) => `${task.iteration}/${task.maxIterations}`,
      raw: (task) => task.iteration,
    },
    { title: "AGENT", show: (task) => task.agent },
    {
      title: "COST",
      align: "right",
      show: (task) => moneyWords(task.usage.costUsd),
      raw: (task) => task.usage.costUsd.toFixed(2),
    },
    {
      title: "ACTIVE",
      align: "right",
      show: (task) => ageWords(now - Date.parse(task.updatedAt)),
      raw: (task) => task.updatedAt,
    },
    { title: "WAITING FOR", show: (task) => cut(waitingFor(task), 50), raw: (task) => waitingFor(task, "") },
  ];
}

/** What a task waits for or ended with, in words. */
export function waitingFor(task: TaskView, none = "-"): string {
  if (task.status === "blocked") return task.blockedDetail ?? task.blockedBy ?? none;
  if (task.status === "failed") return task.error?.message ?? none;
  if (task.pauseRequested && task.status !== "paused") return "the agent to stop";
  return task.waitingOn ?? none;
}
