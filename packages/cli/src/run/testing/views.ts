/** A contract, a task and history entries as the API shows them, for tests. */
import type { ContractView } from "@makima/protocol/api/contracts";
import type { QuestionView } from "@makima/protocol/api/mesh";
import type { TaskView } from "@makima/protocol/api/task-schema";
import type { HistoryEntry } from "@makima/protocol/history";

const AT = "2026-11-20T14:00:00.000Z";
const TASK_ID = "019a0000-0000-7000-8000-000000000001";
const CONTRACT_ID = "019a0000-0000-7000-8000-000000000002";

export function taskView(given: Partial<TaskView> = {}): TaskView {
  return {
    id: TASK_ID,
    shortId: "t-91c2",
    contractId: CONTRACT_ID,
    name: "Fix the date test",
    plan: "Fix the failing date test",
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
    branch: "makima/fix-date/fix-t-91c2",
    baseBranch: "main",
    baseCommit: "a".repeat(40),
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
    usage: { inputTokens: 100, outputTokens: 20, cacheTokens: 1000, costUsd: 0.12 },
    runtimeSecs: 3,
    lastSeq: 0,
    version: 1,
    createdAt: AT,
    updatedAt: AT,
    startedAt: AT,
    endedAt: null,
    ...given,
  };
}

/** The same task, done, on a branch, with one check that passed. */
export function doneTask(given: Partial<TaskView> = {}): TaskView {
  return taskView({
    status: "done",
    iteration: 2,
    gate: { ready: true, reason: "the test passes", progress: "Fixed the month", blockers: [], extra: {} },
    evidence: [
      {
        criterion: "tests pass",
        kind: "tests_pass",
        verdict: "passed",
        command: "node --test",
        exitCode: 0,
        durationMs: 900,
        commit: "b".repeat(40),
        tests: { passed: 3, failed: 0 },
      },
    ],
    result: {
      action: "branch",
      ok: true,
      branch: "makima/fix-date/fix-t-91c2",
      commit: "b".repeat(40),
      changedFiles: ["src/date.ts"],
    },
    endedAt: AT,
    ...given,
  });
}

export function contractView(given: Partial<ContractView> = {}): ContractView {
  return {
    id: CONTRACT_ID,
    shortId: "c-7f3a",
    name: "Fix the date test",
    goal: "Fix the failing date test",
    contractType: "single",
    phase: "execute",
    status: "active",
    waitingFor: null,
    blockedReason: null,
    failureReason: null,
    repositories: [],
    autonomousLoop: true,
    options: {},
    limits: {},
    taskCounts: { running: 1 },
    costUsd: 0.12,
    version: 1,
    statusChangedAt: AT,
    lastActivityAt: AT,
    createdAt: AT,
    updatedAt: AT,
    ...given,
  };
}

export function questionView(given: Partial<QuestionView> = {}): QuestionView {
  return {
    id: "019a0000-0000-7000-8000-000000000003",
    shortId: "q-204a",
    kind: "question",
    contractId: CONTRACT_ID,
    taskId: TASK_ID,
    question: "Round half up or bankers?",
    choices: [{ label: "Half up" }, { label: "Bankers", description: "round half to even" }],
    toolName: null,
    toolInput: null,
    status: "open",
    answer: null,
    answeredBy: null,
    askedAt: AT,
    answeredAt: null,
    ...given,
  };
}

export function entry(seq: number, given: Partial<HistoryEntry>): HistoryEntry {
  return {
    seq,
    at: new Date(Date.parse(AT) + seq * 1000).toISOString(),
    messageType: "assistant",
    content: "",
    ...given,
  };
}
