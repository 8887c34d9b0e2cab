/** Flags over configuration over defaults: how the one task of `makima run` is to be run. */
import type { contractOptionsSchema, limitsSchema } from "@makima/protocol/api/contracts";
import type { taskSettingsSchema } from "@makima/protocol/api/task-schema";
import type { Config } from "@makima/protocol/config";
import type { RunOptions } from "@makima/protocol/run-spec";
import type { z } from "zod";
import { usageError } from "../cli-error.ts";

export interface RunFlags {
  agent: "claude" | "sim";
  agentScript?: string | undefined;
  agentSpeed?: number | undefined;
  autonomous: boolean;
  maxIterations?: number | undefined;
  singleTask?: boolean | undefined;
  requireTests?: boolean | undefined;
  testCommand?: string | undefined;
  base?: string | undefined;
  target?: string | undefined;
  action: "none" | "branch" | "merge" | "pr";
  model?: string | undefined;
  budget?: number | undefined;
  name?: string | undefined;
}

/** The sections of the configuration that belong to a contract, as its options. */
export function contractOptions(
  config: Config,
  flags: Pick<RunFlags, "requireTests" | "testCommand">,
): RunOptions {
  const { quality_gates, commit_discipline, acceptance_criteria, context_recovery, progress_log } = config;
  const testCommand = flags.testCommand ?? quality_gates.test_command;
  const lintCommand = quality_gates.lint_command;
  return {
    requireTests: flags.requireTests ?? (quality_gates.require_tests || commit_discipline.require_tests),
    ...(testCommand === "" ? {} : { testCommand }),
    ...(lintCommand === "" ? {} : { lintCommand }),
    testTimeoutSecs: quality_gates.test_timeout_secs,
    requireLint: commit_discipline.require_lint,
    criteriaEnabled: acceptance_criteria.enabled,
    requireVerifiable: acceptance_criteria.require_verifiable,
    autoAppendStandard: [...acceptance_criteria.auto_append_standard],
    contextRecovery: {
      enabled: context_recovery.enabled,
      includeGitStatus: context_recovery.include_git_status,
      includeRecentProgress: context_recovery.include_recent_progress,
      handoffAt: context_recovery.handoff_at,
    },
    progressLog: { enabled: progress_log.enabled, maxEntriesInjected: progress_log.max_entries_injected },
    commit: {
      enabled: commit_discipline.enabled,
      messageFormat: commit_discipline.message_format,
      coAuthor: commit_discipline.co_author,
    },
  } satisfies z.input<typeof contractOptionsSchema>;
}

/** How the task is run. Throws a usage error on flags that cannot be obeyed together. */
export function taskSettings(config: Config, flags: RunFlags): z.input<typeof taskSettingsSchema> {
  const { autonomous_loop, execution, limits } = config;
  const hardLimit = autonomous_loop.hard_limit;
  if (flags.maxIterations !== undefined && flags.maxIterations > hardLimit) {
    throw usageError(
      `--max-iterations ${flags.maxIterations} is above the hard limit of ${hardLimit}.`,
      `Give at most ${hardLimit}, or raise autonomous_loop.hard_limit in your configuration (never above 50).`,
    );
  }
  if (flags.agent !== "sim") {
    const only =
      flags.agentScript !== undefined
        ? "--agent-script"
        : flags.agentSpeed !== undefined
          ? "--agent-speed"
          : "";
    if (only !== "")
      throw usageError(`${only} is for the simulated agent only.`, "Add --agent sim, or leave it out.");
  }
  if (flags.target !== undefined && (flags.action === "none" || flags.action === "branch")) {
    throw usageError(
      `--target says where to merge, and --action ${flags.action} merges nothing.`,
      "Add --action merge or --action pr, or leave --target out.",
    );
  }
  return {
    agent: flags.agent,
    completionAction: flags.action,
    autonomousLoop: flags.autonomous,
    singleTask: flags.singleTask ?? execution.single_task_mode,
    maxIterations: Math.min(flags.maxIterations ?? autonomous_loop.default_max_iterations, hardLimit),
    ...given("name", flags.name),
    ...given("baseBranch", flags.base),
    ...given("targetBranch", flags.target),
    ...given("agentScript", flags.agentScript),
    ...given("agentSpeed", flags.agentSpeed),
    ...given("model", flags.model),
    ...given("maxCostUsd", flags.budget ?? (limits.max_cost_usd || undefined)),
    ...given("maxRuntimeSecs", limits.max_runtime_secs || undefined),
  };
}

/** The same bounds on the contract, whose one task this is. */
export function contractLimits(settings: z.input<typeof taskSettingsSchema>): z.input<typeof limitsSchema> {
  return {
    ...given("maxIterations", settings.maxIterations),
    ...given("maxCostUsd", settings.maxCostUsd),
    ...given("maxRuntimeSecs", settings.maxRuntimeSecs),
  };
}

function given<K extends string, V>(key: K, value: V | undefined): { [key in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [key in K]: V });
}
