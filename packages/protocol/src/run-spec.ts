/** All that a daemon needs to carry out one run of a task. */
import { z } from "zod";
import { loopStateSchema } from "./gate.ts";

export const repositorySpecSchema = z.object({
  id: z.string(),
  name: z.string(),
  kind: z.enum(["local", "remote", "managed"]),
  /** Top folder of a local repository on its host. */
  path: z.string().optional(),
  url: z.string().optional(),
  baseBranch: z.string().optional(),
});
export type RepositorySpec = z.infer<typeof repositorySpecSchema>;

export const COMPLETION_ACTIONS = ["none", "branch", "merge", "pr"] as const;
export const AGENTS = ["claude", "sim"] as const;

/** Options of spec's contract flags that a run obeys; resolved by whoever made the contract, stored with it. */
export const runOptionsSchema = z.object({
  requireTests: z.boolean(),
  testCommand: z.string().optional(),
  lintCommand: z.string().optional(),
  testTimeoutSecs: z.int().positive(),
  requireLint: z.boolean(),
  criteriaEnabled: z.boolean(),
  requireVerifiable: z.boolean(),
  autoAppendStandard: z.array(z.enum(["no_uncommitted_changes", "tests_pass", "lint_passes"])),
  contextRecovery: z.object({
    enabled: z.boolean(),
    includeGitStatus: z.boolean(),
    includeRecentProgress: z.boolean(),
    handoffAt: z.number().min(0.1).max(1),
  }),
  progressLog: z.object({ enabled: z.boolean(), maxEntriesInjected: z.int().min(0) }),
  commit: z.object({
    enabled: z.boolean(),
    messageFormat: z.enum(["conventional", "simple"]),
    coAuthor: z.string(),
  }),
});
export type RunOptions = z.infer<typeof runOptionsSchema>;

export const runSpecSchema = z.object({
  runId: z.string(),
  epoch: z.int().min(1),
  attempt: z.int().min(1),
  taskId: z.string(),
  taskShortId: z.string(),
  taskName: z.string(),
  plan: z.string(),
  contractId: z.string().optional(),
  contractName: z.string().optional(),
  contractShortId: z.string().optional(),
  phase: z.string().optional(),
  repository: repositorySpecSchema,
  baseBranch: z.string().optional(),
  targetBranch: z.string().optional(),
  /** Made by the server once and kept for all runs of the task. */
  branch: z.string(),
  copyFiles: z.array(z.string()),
  completionAction: z.enum(COMPLETION_ACTIONS),
  agent: z.enum(AGENTS),
  /** sim only: name of a built-in scenario or path of a script on the daemon's host. */
  agentScript: z.string().optional(),
  /** sim only: factor by which its delays are divided. */
  agentSpeed: z.number().positive().optional(),
  model: z.string().optional(),
  autonomous: z.boolean(),
  singleTask: z.boolean(),
  maxIterations: z.int().min(1),
  noChangeThreshold: z.int().min(1),
  sameErrorThreshold: z.int().min(1),
  limits: z.object({
    maxCostUsd: z.number().positive().optional(),
    maxRuntimeSecs: z.number().positive().optional(),
  }),
  /** Dollars and seconds that earlier runs of the task used. */
  spent: z.object({ costUsd: z.number(), runtimeSecs: z.number() }),
  options: runOptionsSchema,
  /** State of the loop at the end of the task's last run. */
  loop: loopStateSchema.optional(),
  /** What a person wrote since the last run; goes into the first prompt. */
  messages: z.array(z.object({ id: z.string(), text: z.string() })),
  /** Newest checkpoint that the server knows of, for a daemon that does not have the worktree. */
  checkpoint: z.object({ n: z.int(), ref: z.string(), commit: z.string() }).optional(),
  /** The run's own key: dead with the run. */
  apiKey: z.string(),
});
export type RunSpec = z.infer<typeof runSpecSchema>;
