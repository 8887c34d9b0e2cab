/** The worktree of a task that is over, removed; its work stays on refs. */
import type { CommandOf, Report } from "@makima/protocol/daemon-wire";
import { removeWorktree } from "../worktree/remove.ts";
import type { RunContext } from "./context.ts";

export async function removeTaskWorktree(
  context: RunContext,
  command: CommandOf<"removeWorktree">,
  isRunning: (taskId: string) => boolean,
): Promise<Report> {
  const removed = await removeWorktree({
    paths: context.paths,
    taskId: command.taskId,
    isRunning,
    deleteBranch: command.deleteBranch,
    locks: context.locks,
  });
  if (removed.decision.action === "refuse") {
    throw new Error(`The worktree ${removed.decision.path} was not removed: ${removed.decision.because}.`);
  }
  await removed.deleted;
  return {
    type: "worktreeRemoved",
    taskId: command.taskId,
    ...(removed.saved === undefined ? {} : { rescueRef: removed.saved.ref }),
  };
}
