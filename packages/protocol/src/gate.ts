/** Gate, evidence and loop state as they are stored and shown. */
import { z } from "zod";

export const gateSchema = z.object({
  ready: z.boolean(),
  reason: z.string().optional(),
  progress: z.string().optional(),
  blockers: z.array(z.string()),
  confidence: z.number().min(0).max(1).optional(),
  milestones: z.array(z.string()).optional(),
  learnings: z.array(z.string()).optional(),
  extra: z.record(z.string(), z.unknown()),
});
export type GateView = z.infer<typeof gateSchema>;

/** What running one criterion showed. `unverified`: nothing could be run; `vague`: not checkable, stated only. */
export const evidenceSchema = z.object({
  criterion: z.string(),
  kind: z.string(),
  verdict: z.enum(["passed", "failed", "unverified"]),
  command: z.string().optional(),
  exitCode: z.int().nullable().optional(),
  durationMs: z.int().optional(),
  outputTail: z.string().optional(),
  /** The checkpoint commit that was checked out clean. */
  commit: z.string().optional(),
  /** Passed and failed tests, where the output told. */
  tests: z.object({ passed: z.int(), failed: z.int(), skipped: z.int().optional() }).optional(),
  /** How dependencies came into the check's checkout. */
  dependencies: z.string().optional(),
  /** Sentences on the proof itself: tests deleted, skipped, red at the base commit, … */
  remarks: z.array(z.string()).optional(),
});
export type Evidence = z.infer<typeof evidenceSchema>;

export const usageSchema = z.object({
  inputTokens: z.int(),
  outputTokens: z.int(),
  cacheTokens: z.int(),
  costUsd: z.number(),
  contextTokens: z.int().optional(),
  contextWindow: z.int().optional(),
});
export type Usage = z.infer<typeof usageSchema>;

/**
 * What a task's loop must remember from one run to the next: iterations used, breaker, session, the last
 * gate and what failed. The daemon writes it, the server keeps it, the next run starts from it.
 */
export const loopStateSchema = z.object({
  iteration: z.int().min(0),
  breaker: z.record(z.string(), z.unknown()),
  sessionId: z.string().optional(),
  /** False once a session was refused or handed off: the next process starts a fresh one. */
  resumeSession: z.boolean(),
  lastGate: gateSchema.optional(),
  failedChecks: z.array(z.string()),
  /** Tree of the last iteration's checkpoint, to see whether the next one changes anything. */
  lastTree: z.string().optional(),
  checkpoints: z.int().min(0),
  recoveries: z.record(z.string(), z.int()),
  handoff: z.string().optional(),
});
export type LoopState = z.infer<typeof loopStateSchema>;
