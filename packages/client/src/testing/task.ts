/** A task record as a server gives it. */
import { taskSchema, type TaskView } from "@makima/protocol/api/task-schema";

const AT = "2026-01-02T03:04:05.000Z";

export function taskView(changes: Partial<TaskView> = {}): TaskView {
  return taskSchema.parse({
    id: "0198f000-0000-7000-8000-000000000001",
    shortId: "t-0001",
    contractId: null,
    name: "fix the date test",
    plan: "Fix the date test",
    kind: "worker",
    status: "running",
    waitingOn: null,
    blockedBy: null,
    blockedDetail: null,
    wakeAt: null,
    pauseRequested: false,
    agent: "sim",
    model: null,
    repositoryId: null,
    daemonId: null,
    runId: null,
    leaseEpoch: 1,
    attempt: 1,
    maxAttempts: 3,
    autonomousLoop: true,
    singleTask: false,
    iteration: 1,
    maxIterations: 10,
    branch: "makima/fix-0001",
    baseBranch: "main",
    baseCommit: null,
    targetBranch: null,
    worktreePath: null,
    sessionId: null,
    completionAction: "branch",
    priority: 0,
    dependsOn: [],
    gate: null,
    evidence: [],
    result: null,
    error: null,
    usage: { inputTokens: 0, outputTokens: 0, cacheTokens: 0, costUsd: 0 },
    runtimeSecs: 0,
    lastSeq: 0,
    version: 1,
    createdAt: AT,
    updatedAt: AT,
    startedAt: AT,
    endedAt: null,
    ...changes,
  });
}

export function historyEntry(seq: number) {
  return { seq, at: AT, messageType: "assistant" as const, content: `entry ${seq}` };
}
