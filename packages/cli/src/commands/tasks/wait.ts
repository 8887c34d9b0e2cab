/** `--wait`: until a task has come to where it was sent, bounded by `--timeout`, ended by Ctrl-C; never stopping the work. */
import { followTask, isAtRest } from "@makima/client/follow-task";
import type { Client } from "@makima/client/rest";
import type { TaskView } from "@makima/protocol/api/task-schema";
import { QuietExit } from "../../cli-error.ts";
import { EXIT, type ExitCode } from "../../exit-codes.ts";
import type { Output } from "../../output.ts";
import { taskStatusWords } from "../../print/words.ts";
import { onInterrupt } from "../../run/interrupts.ts";

export interface WaitOptions {
  until?: (task: TaskView) => boolean;
  timeoutMs?: number | undefined;
}

/** The task at rest. Throws QuietExit 124 or 130, having said so, when the waiting ended first. */
export async function waitForTask(
  client: Client,
  out: Output,
  taskId: string,
  options: WaitOptions = {},
): Promise<TaskView> {
  const over = new AbortController();
  const until = options.until ?? isAtRest;
  let exit: ExitCode | undefined;
  const end = (code: ExitCode) => {
    exit ??= code;
    over.abort();
  };
  const timer =
    options.timeoutMs === undefined ? undefined : setTimeout(end, options.timeoutMs, EXIT.timeout);
  const interrupts = onInterrupt(() => end(EXIT.interrupted));
  let task: TaskView | undefined;
  try {
    for await (const item of followTask(client, { taskId, until, signal: over.signal })) {
      if (item.type !== "task") continue;
      task = item.task;
      if (until(task)) return task;
    }
  } catch (error) {
    if (exit === undefined) throw error;
  } finally {
    clearTimeout(timer);
    interrupts[Symbol.dispose]();
    over.abort();
  }
  const why = exit === EXIT.timeout ? "The time given with --timeout is over" : "Stopped waiting";
  out.note(
    `${why}; the task goes on${task ? ` (${taskStatusWords(task.status)})` : ""}. See: makima tasks show ${taskId}`,
  );
  throw new QuietExit(exit ?? EXIT.error);
}

/** The exit code that a task at rest stands for. */
export function exitOfTask(task: TaskView): ExitCode {
  if (task.status === "done") return task.result && !task.result.ok ? EXIT.error : EXIT.ok;
  if (task.status === "failed" || task.status === "cancelled") return EXIT.error;
  return EXIT.needsPerson;
}
