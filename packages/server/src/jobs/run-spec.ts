/** What a daemon is told about one run of a task. */
import { configSchema } from "@makima/protocol/config";
import { runOptionsSchema, type RunOptions, type RunSpec } from "@makima/protocol/run-spec";
import type { Selectable } from "kysely";
import type { RepositoryTable } from "../store/work-tables.ts";
import type { TaskRow } from "../store/task-rows.ts";

export interface SpecFacts {
  task: TaskRow & { plan: string };
  contract: { name: string; short_id: string; phase: string; options: Partial<RunOptions> } | null;
  repository: Selectable<RepositoryTable>;
  messages: { id: string; text: string }[];
  checkpoint: { n: number; ref: string; commit: string } | null;
  runId: string;
  epoch: number;
  apiKey: string;
}

const DEFAULTS = configSchema.parse({});

/** The options of a contract that names none. */
export const DEFAULT_OPTIONS: RunOptions = runOptionsSchema.parse({
  requireTests: DEFAULTS.quality_gates.require_tests,
  testTimeoutSecs: DEFAULTS.quality_gates.test_timeout_secs,
  requireLint: DEFAULTS.commit_discipline.require_lint,
  criteriaEnabled: DEFAULTS.acceptance_criteria.enabled,
  requireVerifiable: DEFAULTS.acceptance_criteria.require_verifiable,
  autoAppendStandard: DEFAULTS.acceptance_criteria.auto_append_standard,
  contextRecovery: {
    enabled: DEFAULTS.context_recovery.enabled,
    includeGitStatus: DEFAULTS.context_recovery.include_git_status,
    includeRecentProgress: DEFAULTS.context_recovery.include_recent_progress,
    handoffAt: DEFAULTS.context_recovery.handoff_at,
  },
  progressLog: {
    enabled: DEFAULTS.progress_log.enabled,
    maxEntriesInjected: DEFAULTS.progress_log.max_entries_injected,
  },
  commit: {
    enabled: DEFAULTS.commit_discipline.enabled,
    messageFormat: DEFAULTS.commit_discipline.message_format,
    coAuthor: DEFAULTS.commit_discipline.co_author,
  },
});

export function buildRunSpec(facts: SpecFacts): RunSpec {
  const { task, contract, repository, checkpoint } = facts;
  const baseBranch = task.base_branch ?? repository.base_branch;
  const spec: RunSpec = {
    runId: facts.runId,
    epoch: facts.epoch,
    attempt: task.attempt,
    taskId: task.id,
    taskShortId: task.short_id,
    taskName: task.name,
    plan: task.plan,
    repository: {
      id: repository.id,
      name: repository.name,
      kind: repository.kind,
      ...optional("path", repository.path),
      ...optional("url", repository.url),
      ...optional("baseBranch", repository.base_branch),
    },
    branch: task.branch,
    copyFiles: task.copy_files,
    completionAction: task.completion_action,
    agent: task.agent,
    autonomous: task.autonomous_loop,
    singleTask: task.single_task,
    maxIterations: task.max_iterations,
    noChangeThreshold: DEFAULTS.autonomous_loop.no_change_threshold,
    sameErrorThreshold: DEFAULTS.autonomous_loop.same_error_threshold,
    limits: {
      ...optional("maxCostUsd", task.max_cost_usd),
      ...optional("maxRuntimeSecs", task.max_runtime_secs),
    },
    spent: { costUsd: task.spent_cost_usd, runtimeSecs: task.spent_secs },
    options: { ...DEFAULT_OPTIONS, ...contract?.options },
    messages: facts.messages,
    apiKey: facts.apiKey,
    ...optional("contractId", task.contract_id),
    ...optional("contractName", contract?.name),
    ...optional("contractShortId", contract?.short_id),
    ...optional("phase", contract?.phase),
    ...optional("baseBranch", baseBranch),
    ...optional("targetBranch", task.target_branch),
    ...optional("agentScript", task.agent_script),
    ...optional("agentSpeed", task.agent_speed),
    ...optional("model", task.model),
    ...optional("loop", task.loop),
    ...optional("checkpoint", checkpoint),
  };
  return spec;
}

/** `{ [key]: value }`, or nothing where there is no value. */
function optional<K extends string, V>(key: K, value: V | null | undefined): { [P in K]?: V } {
  return value === null || value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
}
