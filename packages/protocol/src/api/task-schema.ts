/** A task as the API takes and shows it. */
import { z } from "zod";
import { ERROR_KINDS, PARK_REASONS, TASK_STATUSES } from "@makima/core/task";
import { completionResultSchema } from "../daemon-wire.ts";
import { evidenceSchema, gateSchema, usageSchema } from "../gate.ts";
import { AGENTS, COMPLETION_ACTIONS } from "../run-spec.ts";
import { instant, name } from "./fields.ts";

/** How a task is run; everything has a default. */
export const taskSettingsSchema = z.strictObject({
  name: name.optional(),
  repositoryId: z.string().optional(),
  baseBranch: z.string().min(1).max(255).optional(),
  targetBranch: z.string().min(1).max(255).optional(),
  agent: z.enum(AGENTS).default("claude"),
  agentScript: z.string().min(1).max(4096).optional(),
  agentSpeed: z.number().positive().max(1000).optional(),
  model: z.string().min(1).max(200).optional(),
  completionAction: z.enum(COMPLETION_ACTIONS).default("branch"),
  copyFiles: z.array(z.string().min(1).max(4096)).max(200).default([]),
  autonomousLoop: z.boolean().optional(),
  singleTask: z.boolean().default(false),
  maxIterations: z.int().min(1).max(50).optional(),
  maxCostUsd: z.number().positive().optional(),
  maxRuntimeSecs: z.number().positive().optional(),
  /** Labels that the daemon must have. */
  labels: z.array(z.string().min(1).max(100)).max(50).default([]),
  priority: z.int().min(-100).max(100).default(0),
  dependsOn: z.array(z.string()).max(200).default([]),
});
export type TaskSettings = z.infer<typeof taskSettingsSchema>;

export const iterationSchema = z.object({
  runId: z.string(),
  iteration: z.int(),
  startedAt: instant,
  durationMs: z.int(),
  exitCode: z.int().nullable(),
  signal: z.string().nullable(),
  gate: gateSchema.nullable(),
  verdict: z.string(),
  changed: z.boolean(),
  evidence: z.array(evidenceSchema),
  usage: usageSchema,
});
export type IterationView = z.infer<typeof iterationSchema>;

export const taskSchema = z.object({
  id: z.string(),
  shortId: z.string(),
  contractId: z.string().nullable(),
  name: z.string(),
  plan: z.string(),
  kind: z.enum(["supervisor", "orchestrator", "worker", "standalone"]),
  status: z.enum(TASK_STATUSES),
  /** For a pending task: what it waits for, in words. */
  waitingOn: z.string().nullable(),
  blockedBy: z.enum(PARK_REASONS).nullable(),
  blockedDetail: z.string().nullable(),
  /** When a parked task goes on by itself. */
  wakeAt: instant.nullable(),
  pauseRequested: z.boolean(),
  agent: z.enum(AGENTS),
  model: z.string().nullable(),
  repositoryId: z.string().nullable(),
  daemonId: z.string().nullable(),
  runId: z.string().nullable(),
  leaseEpoch: z.int(),
  attempt: z.int(),
  maxAttempts: z.int(),
  autonomousLoop: z.boolean(),
  singleTask: z.boolean(),
  iteration: z.int(),
  maxIterations: z.int(),
  branch: z.string(),
  baseBranch: z.string().nullable(),
  baseCommit: z.string().nullable(),
  targetBranch: z.string().nullable(),
  worktreePath: z.string().nullable(),
  sessionId: z.string().nullable(),
  completionAction: z.enum(COMPLETION_ACTIONS),
  priority: z.int(),
  dependsOn: z.array(z.string()),
  gate: gateSchema.nullable(),
  evidence: z.array(evidenceSchema),
  result: completionResultSchema.nullable(),
  error: z.object({ kind: z.enum(ERROR_KINDS), message: z.string() }).nullable(),
  usage: usageSchema,
  runtimeSecs: z.number(),
  /** Number of the newest history entry; 0 when there is none. */
  lastSeq: z.int(),
  version: z.int(),
  createdAt: instant,
  updatedAt: instant,
  startedAt: instant.nullable(),
  endedAt: instant.nullable(),
});
export type TaskView = z.infer<typeof taskSchema>;
