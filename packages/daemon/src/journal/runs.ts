/**
 * The runs that this daemon holds. A row lives from the command that brought the run until its end was
 * reported; a daemon that starts finds here what it was doing when it died.
 */
import { loopStateSchema, usageSchema, type LoopState } from "@makima/protocol/gate";
import type { Verdict } from "@makima/core/verdict";
import { runSpecSchema, type RunSpec } from "@makima/protocol/run-spec";
import { z } from "zod";
import type { DatabaseSync } from "node:sqlite";
import type { Journal } from "./open.ts";

/** Where in its life a run is; each phase can be begun again from what is stored. */
export const RUN_PHASES = ["preparing", "iterating", "judging", "completing"] as const;
export type RunPhase = (typeof RUN_PHASES)[number];

export type StopManner = "pause" | "cancel" | "lost";

/** One agent process: what proves that it is ours, and how far its output is in the outbox. */
const processSchema = z.object({
  n: z.int(),
  spoolDir: z.string(),
  sessionId: z.string(),
  resumed: z.boolean(),
  startedAt: z.iso.datetime(),
  pid: z.int().optional(),
  pidStart: z.string().optional(),
});
export type ProcessRecord = z.infer<typeof processSchema>;

const progressSchema = z.object({
  loop: loopStateSchema.optional(),
  process: processSchema.optional(),
  /** Processes started in this run so far. */
  processes: z.int(),
  started: z.boolean(),
  /** The server was told that it is being prepared. */
  announced: z.boolean().optional(),
  /** Of the last turn, until the next begins or the run ends: a daemon that died in between goes on with it. */
  verdict: z.custom<Verdict>((value) => typeof value === "object" && value !== null).optional(),
  /** Messages that the agent took in. */
  told: z.array(z.string()),
  /** Of ended turns of this run. */
  costUsd: z.number(),
  /** Of turns that were cut off: they are in no iteration, and are reported with the run's end. */
  cutOff: usageSchema.optional(),
});
export type RunProgress = z.infer<typeof progressSchema>;

export interface HeldRun {
  spec: RunSpec;
  phase: RunPhase;
  stopManner?: StopManner;
  progress: RunProgress;
  runtimeMs: number;
  /** Bytes of the current process's spool whose output is in the outbox. */
  offsets: SpoolOffsets;
}

export interface SpoolOffsets {
  stdout: number;
  stderr: number;
}

interface RunRow {
  run_id: string;
  task_id: string;
  epoch: number;
  spec: string;
  phase: string;
  stop_manner: StopManner | null;
  progress: string;
  runtime_ms: number;
  stdout_offset: number;
  stderr_offset: number;
}

/** Takes a run in; call inside the transaction that marks its command as handled. */
export function insertRun(journal: Journal, spec: RunSpec): void {
  const progress: RunProgress = { processes: 0, started: false, told: [], costUsd: 0 };
  if (spec.loop) progress.loop = spec.loop;
  journal.state
    .prepare(
      "insert into run (run_id, task_id, epoch, spec, phase, progress) values (?, ?, ?, ?, 'preparing', ?) on conflict do nothing",
    )
    .run(spec.runId, spec.taskId, spec.epoch, JSON.stringify(spec), JSON.stringify(progress));
}

/** The runs that this version can read, oldest first. */
export function heldRuns(journal: Journal): HeldRun[] {
  return rowsOf(journal).flatMap((row) => {
    const read = readRow(row);
    return "run" in read ? [read.run] : [];
  });
}

/** Brings a run back to what the journal holds of it; false when it holds nothing of it any more. */
export function readAgain(journal: Journal, run: HeldRun): boolean {
  const held = heldRuns(journal).find(({ spec }) => spec.runId === run.spec.runId);
  if (held) Object.assign(run, held);
  return held !== undefined;
}

/** What is left of a run whose row another version wrote, or a fault damaged. */
export interface UnreadableRun {
  runId: string;
  taskId: string;
  epoch: number;
  runtimeMs: number;
  /** What could not be read in it. */
  why: string;
}

export function unreadableRuns(journal: Journal): UnreadableRun[] {
  return rowsOf(journal).flatMap((row) => {
    const read = readRow(row);
    if ("run" in read) return [];
    const { run_id: runId, task_id: taskId, epoch, runtime_ms: runtimeMs } = row;
    return [{ runId, taskId, epoch, runtimeMs, why: read.why }];
  });
}

/** Keeps the row as it is, in a table that nothing runs from; call inside the transaction that reports it. */
export function putAside(db: DatabaseSync, { runId, why }: UnreadableRun, at: string): void {
  db.prepare(
    "insert or replace into unreadable_run select ?, ?, run_id, task_id, epoch, spec, phase, progress from run where run_id = ?",
  ).run(at, why, runId);
  deleteRun(db, runId);
}

/** Ids of the runs that were put aside, so that what they left is kept too. */
export function asideRuns(journal: Journal): string[] {
  return journal.state
    .prepare("select run_id from unreadable_run")
    .all()
    .map((row) => String(row["run_id"]));
}

function rowsOf(journal: Journal): RunRow[] {
  return journal.state.prepare("select * from run order by rowid").all() as unknown as RunRow[];
}

function readRow(row: RunRow): { run: HeldRun } | { why: string } {
  try {
    const run: HeldRun = {
      spec: runSpecSchema.parse(JSON.parse(row.spec)),
      phase: z.enum(RUN_PHASES).parse(row.phase),
      progress: progressSchema.parse(JSON.parse(row.progress)),
      runtimeMs: row.runtime_ms,
      offsets: { stdout: row.stdout_offset, stderr: row.stderr_offset },
    };
    if (row.stop_manner) run.stopManner = row.stop_manner;
    return { run };
  } catch (error) {
    return { why: error instanceof z.ZodError ? z.prettifyError(error) : String(error) };
  }
}

/** Writes where the run stands. */
export function saveRun(journal: Journal, run: HeldRun): void {
  journal.state
    .prepare(
      "update run set phase = ?, progress = ?, runtime_ms = ?, stdout_offset = ?, stderr_offset = ? where run_id = ?",
    )
    .run(
      run.phase,
      JSON.stringify(run.progress),
      Math.round(run.runtimeMs),
      run.offsets.stdout,
      run.offsets.stderr,
      run.spec.runId,
    );
}

/** Writes how far the output is taken over; call inside the transaction that stores that output. */
export function saveOffsets(db: DatabaseSync, runId: string, { stdout, stderr }: SpoolOffsets): void {
  const update = db.prepare("update run set stdout_offset = ?, stderr_offset = ? where run_id = ?");
  update.run(stdout, stderr, runId);
}

export function saveStopManner(journal: Journal, runId: string, manner: StopManner): void {
  journal.state.prepare("update run set stop_manner = ? where run_id = ?").run(manner, runId);
}

/** Takes a run out; call inside the transaction that stores the report of its end. */
export function deleteRun(db: DatabaseSync, runId: string): void {
  db.prepare("delete from run where run_id = ?").run(runId);
  db.prepare("delete from message where run_id = ?").run(runId);
}

/** A loop that has not begun. */
export function newLoop(breaker: LoopState["breaker"]): LoopState {
  return { iteration: 0, breaker, resumeSession: false, failedChecks: [], checkpoints: 0, recoveries: {} };
}
