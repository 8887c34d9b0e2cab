/** How `makima run` ended: the last object of `--json`, and the exit code. */
import type { TaskView } from "@makima/protocol/api/task-schema";
import type { Evidence, GateView } from "@makima/protocol/gate";
import { EXIT, type ExitCode } from "../exit-codes.ts";

export const RESULT_STATUSES = ["done", "failed", "blocked", "paused", "cancelled"] as const;
export type ResultStatus = (typeof RESULT_STATUSES)[number];

/** Why following ended before the task did. */
export type Stopped = "interrupt" | "timeout" | "question";

export interface RunResult {
  type: "result";
  contractId: string | null;
  taskId: string;
  status: ResultStatus;
  /** In words; null when the task is done and nothing is to be said. */
  reason: string | null;
  iterations: number;
  gate: GateView | null;
  evidence: Evidence[];
  branch: string | null;
  commit: string | null;
  merged: boolean;
  changedFiles: string[];
  /** US dollars; simulated where the agent is. */
  costUsd: number;
  tokens: { input: number; output: number; cache: number };
  durationMs: number;
}

export interface Ending {
  task: TaskView;
  /** Undefined when the task came to a rest by itself. */
  stopped?: Stopped | undefined;
  /** The open question that ended it. */
  question?: string | undefined;
  durationMs: number;
}

export function resultOf({ task, stopped, question, durationMs }: Ending): RunResult {
  const { result, usage } = task;
  return {
    type: "result",
    contractId: task.contractId,
    taskId: task.id,
    status: statusOf(task, stopped),
    reason: reasonOf(task, stopped, question),
    iterations: task.iteration,
    gate: task.gate,
    evidence: task.evidence,
    branch: result?.branch ?? (task.branch === "" ? null : task.branch),
    commit: result?.mergeCommit ?? result?.commit ?? null,
    merged: result?.ok === true && result.action === "merge" && result.mergedInto !== undefined,
    changedFiles: result?.changedFiles ?? [],
    costUsd: usage.costUsd,
    tokens: { input: usage.inputTokens, output: usage.outputTokens, cache: usage.cacheTokens },
    durationMs: Math.round(durationMs),
  };
}

/** A done task whose push or merge did not succeed is no success of the command. */
export function actionFailed(task: TaskView): boolean {
  return task.status === "done" && task.result !== null && !task.result.ok;
}

function statusOf(task: TaskView, stopped: Stopped | undefined): ResultStatus {
  switch (task.status) {
    case "done":
      return actionFailed(task) ? "failed" : "done";
    case "failed":
    case "cancelled":
    case "paused":
      return task.status;
    case "blocked":
      return "blocked";
    default:
      // Still on its way to a rest: asked to pause, or waiting for an answer.
      return stopped === "question" ? "blocked" : "paused";
  }
}

function reasonOf(task: TaskView, stopped: Stopped | undefined, question: string | undefined): string | null {
  if (actionFailed(task)) return task.result?.error ?? `The ${task.completionAction} did not succeed.`;
  switch (task.status) {
    case "done":
      return task.gate?.reason ?? null;
    case "failed":
      return task.error?.message ?? "The task failed.";
    case "cancelled":
      return "Cancelled.";
    case "blocked":
      return question ?? task.blockedDetail ?? task.blockedBy ?? "Blocked.";
    default:
      if (stopped === "question") return question ?? "The agent waits for an answer.";
      if (stopped === "timeout") return "The time given with --timeout is over.";
      if (stopped === "interrupt") return "Stopped with Ctrl-C.";
      return "Paused by somebody else.";
  }
}

export function exitOf(result: RunResult, stopped: Stopped | undefined): ExitCode {
  if (result.status === "done") return EXIT.ok;
  if (result.status === "failed" || result.status === "cancelled") return EXIT.error;
  if (stopped === "interrupt") return EXIT.interrupted;
  if (stopped === "timeout") return EXIT.timeout;
  return EXIT.needsPerson;
}
