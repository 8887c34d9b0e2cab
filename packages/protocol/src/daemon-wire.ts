/**
 * The wire between server and daemon: JSON text frames over one WebSocket that the daemon opens.
 *
 * Reports (daemon → server) and commands (server → daemon) are durable. Each side stores what it will send
 * before it sends it, numbers it without gaps, sends it again after a reconnect from what the other side
 * said it has, and forgets it when it is acknowledged; acknowledgements are cumulative. The receiver stores
 * the effect and the number in one transaction, so what comes twice is applied once. Report numbers belong
 * to one `journalId`: a daemon that lost its journal starts anew from 1 under another id.
 *
 * Heartbeats, leave (permission for a step that cannot be undone) and queries are not stored: they mean
 * something only now.
 */
import { z } from "zod";
import { ERROR_KINDS, PARK_REASONS } from "@makima/core/task";
import { evidenceSchema, gateSchema, loopStateSchema, usageSchema } from "./gate.ts";
import { outputEntrySchema } from "./history.ts";
import { runSpecSchema } from "./run-spec.ts";

/** Largest frame either side accepts, bytes. */
export const MAX_FRAME_BYTES = 16 * 1024 * 1024;
/** A batch of reports is closed at this many bytes of JSON, far under the frame limit. */
export const MAX_BATCH_BYTES = 1024 * 1024;

export const runErrorSchema = z.object({ kind: z.enum(ERROR_KINDS), message: z.string() });
export const runOutcomeSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("done") }),
  z.object({ type: z.literal("failed"), error: runErrorSchema }),
  z.object({
    type: z.literal("parked"),
    reason: z.enum(PARK_REASONS),
    detail: z.string().optional(),
    /** Epoch milliseconds. */
    wakeAt: z.number().optional(),
  }),
]);

const run = { runId: z.string(), taskId: z.string(), epoch: z.int().min(1) };

export const completionResultSchema = z.object({
  action: z.enum(["none", "branch", "merge", "pr"]),
  ok: z.boolean(),
  branch: z.string().optional(),
  commit: z.string().optional(),
  mergedInto: z.string().optional(),
  mergeCommit: z.string().optional(),
  url: z.string().optional(),
  changedFiles: z.array(z.string()).optional(),
  /** Why the action did not succeed, and the command that finishes it. */
  error: z.string().optional(),
});
export type CompletionResult = z.infer<typeof completionResultSchema>;

export const reportSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("runPreparing"), ...run }),
  z.object({
    type: z.literal("runStarted"),
    ...run,
    worktreePath: z.string(),
    branch: z.string(),
    baseCommit: z.string(),
    baseBranch: z.string().optional(),
  }),
  /** Output of an older epoch is still stored, under its run. */
  z.object({ type: z.literal("output"), ...run, entries: z.array(outputEntrySchema) }),
  z.object({ type: z.literal("iterationStarted"), ...run, iteration: z.int(), maxIterations: z.int() }),
  z.object({
    type: z.literal("checkpointTaken"),
    ...run,
    n: z.int().min(1),
    ref: z.string(),
    commit: z.string(),
    message: z.string(),
    at: z.iso.datetime(),
    files: z.int(),
    insertions: z.int(),
    deletions: z.int(),
    omitted: z.array(z.string()),
    pushed: z.boolean(),
  }),
  z.object({
    type: z.literal("iterationEnded"),
    ...run,
    iteration: z.int(),
    startedAt: z.iso.datetime(),
    durationMs: z.int(),
    exitCode: z.int().nullable(),
    signal: z.string().nullable(),
    gate: gateSchema.optional(),
    /** The verdict in words, as shown: "not ready: …", "ready, and every check passed". */
    verdict: z.string(),
    changed: z.boolean(),
    evidence: z.array(evidenceSchema),
    /** Of this iteration alone. */
    usage: usageSchema,
    loop: loopStateSchema,
  }),
  z.object({
    type: z.literal("questionAsked"),
    ...run,
    questionId: z.string(),
    kind: z.enum(["question", "permission"]),
    question: z.string(),
    choices: z.array(z.object({ label: z.string(), description: z.string().optional() })),
    toolName: z.string().optional(),
    toolInput: z.unknown().optional(),
  }),
  z.object({ type: z.literal("questionClosed"), ...run, questionId: z.string(), why: z.string() }),
  z.object({ type: z.literal("messageDelivered"), ...run, messageId: z.string() }),
  z.object({
    type: z.literal("authRequired"),
    agent: z.string(),
    taskId: z.string().optional(),
    hostname: z.string(),
    loginUrl: z.string().optional(),
    /** What the person is to do: open the address and paste the code, or sign in on the host. */
    message: z.string(),
  }),
  z.object({ type: z.literal("authRestored"), agent: z.string() }),
  z.object({ type: z.literal("completionAction"), ...run, result: completionResultSchema }),
  z.object({
    type: z.literal("runEnded"),
    ...run,
    outcome: runOutcomeSchema,
    loop: loopStateSchema.optional(),
    result: completionResultSchema.optional(),
    /** Of turns that were cut off, and so are in no iteration. */
    usage: usageSchema.optional(),
    /** Seconds that the run took on the daemon's monotonic clock. */
    runtimeSecs: z.number(),
  }),
  z.object({ type: z.literal("worktreeRemoved"), taskId: z.string(), rescueRef: z.string().optional() }),
  z.object({ type: z.literal("commandFailed"), commandSeq: z.int(), message: z.string() }),
]);
export type Report = z.infer<typeof reportSchema>;
export type ReportOf<T extends Report["type"]> = Extract<Report, { type: T }>;

export const commandSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("spawnTask"), spec: runSpecSchema }),
  /** pause: stop gently, keep everything. cancel and lost: stop, snapshot, keep the ref. */
  z.object({ type: z.literal("stopRun"), ...run, manner: z.enum(["pause", "cancel", "lost"]) }),
  z.object({ type: z.literal("sendMessage"), ...run, messageId: z.string(), text: z.string() }),
  z.object({
    type: z.literal("answerQuestion"),
    ...run,
    questionId: z.string(),
    /** question: the answer's text. permission: "allow" or "deny" and, with deny, why. */
    answer: z.string(),
    note: z.string().optional(),
  }),
  z.object({ type: z.literal("retryCompletionAction"), ...run, spec: runSpecSchema }),
  z.object({ type: z.literal("removeWorktree"), taskId: z.string(), deleteBranch: z.boolean() }),
  z.object({ type: z.literal("startLogin"), agent: z.string() }),
  z.object({ type: z.literal("submitAuthCode"), agent: z.string(), code: z.string() }),
]);
export type Command = z.infer<typeof commandSchema>;
export type CommandOf<T extends Command["type"]> = Extract<Command, { type: T }>;

/** What only a daemon can look up, asked while a person waits. */
export const querySchema = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("diff"),
    taskId: z.string(),
    from: z.string().optional(),
    to: z.string().optional(),
  }),
  z.object({ type: z.literal("prompt"), spec: runSpecSchema }),
]);
export type Query = z.infer<typeof querySchema>;

export const agentInfoSchema = z.object({
  name: z.enum(["claude", "sim"]),
  version: z.string().optional(),
  /** undefined: could not be told. */
  signedIn: z.boolean().optional(),
  account: z.string().optional(),
  available: z.boolean(),
  problem: z.string().optional(),
});
export type AgentInfo = z.infer<typeof agentInfoSchema>;

export const heldRunSchema = z.object({ ...run, phase: z.string() });

export const LEAVE_ACTIONS = ["commit", "push", "merge", "pullRequest"] as const;

/** Frames that a daemon sends. */
export const daemonFrameSchema = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("hello"),
    wireVersion: z.int(),
    version: z.string(),
    capabilities: z.array(z.string()),
    daemonId: z.uuid(),
    journalId: z.uuid(),
    name: z.string().min(1).max(200),
    /** Identity of the machine, so that local repositories go where they are. */
    hostId: z.string().min(1).max(200),
    hostname: z.string(),
    labels: z.array(z.string()),
    slots: z.int().min(0).max(1000),
    agents: z.array(agentInfoSchema),
    /** Highest command number that is in this journal. */
    commandsReceived: z.int().min(0),
    /** Highest report number in this journal: a run that is not in `runs` may have ended in a report up to it. */
    reportsLast: z.int().min(0).optional(),
    /** Runs that this daemon has and the server may not know to have ended. */
    runs: z.array(heldRunSchema),
  }),
  /** `first` is the number of items[0]. */
  z.object({ type: z.literal("reports"), first: z.int().min(1), items: z.array(reportSchema).min(1) }),
  z.object({ type: z.literal("commandsStored"), upTo: z.int().min(0) }),
  z.object({
    type: z.literal("heartbeat"),
    runs: z.array(z.object({ runId: z.string(), epoch: z.int() })),
    freeSlots: z.int(),
  }),
  z.object({ type: z.literal("askLeave"), requestId: z.string(), ...run, action: z.enum(LEAVE_ACTIONS) }),
  z.object({
    type: z.literal("reply"),
    requestId: z.string(),
    result: z.discriminatedUnion("ok", [
      z.object({ ok: z.literal(true), value: z.unknown() }),
      z.object({ ok: z.literal(false), code: z.string(), message: z.string() }),
    ]),
  }),
  z.object({ type: z.literal("agents"), agents: z.array(agentInfoSchema) }),
]);
export type DaemonFrame = z.infer<typeof daemonFrameSchema>;

export const REFUSALS = [
  "daemonTooOld",
  "serverTooOld",
  "unauthorized",
  "duplicate",
  "badFrame",
  "shuttingDown",
] as const;

/** Frames that a server sends. */
export const serverFrameSchema = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("welcome"),
    wireVersion: z.int(),
    version: z.string(),
    capabilities: z.array(z.string()),
    serverId: z.string(),
    heartbeatSecs: z.number().positive(),
    leaseSecs: z.number().positive(),
    graceSecs: z.number().min(0),
    /** Highest report number of this journal that is stored. */
    reportsStored: z.int().min(0),
    /** For each run in hello: go on with it, or stop it because it is no longer the daemon's. */
    runs: z.array(z.object({ runId: z.string(), verdict: z.enum(["keep", "stop"]) })),
  }),
  z.object({ type: z.literal("refused"), reason: z.enum(REFUSALS), message: z.string() }),
  z.object({ type: z.literal("commands"), first: z.int().min(1), items: z.array(commandSchema).min(1) }),
  z.object({ type: z.literal("reportsStored"), upTo: z.int().min(0) }),
  /** A live run whose lease was renewed; a run that is missing here is no longer the daemon's. */
  z.object({ type: z.literal("leases"), renewed: z.array(z.string()), lost: z.array(z.string()) }),
  z.object({
    type: z.literal("leave"),
    requestId: z.string(),
    granted: z.boolean(),
    currentEpoch: z.int().optional(),
  }),
  z.object({ type: z.literal("query"), requestId: z.string(), query: querySchema }),
]);
export type ServerFrame = z.infer<typeof serverFrameSchema>;
