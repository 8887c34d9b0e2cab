/**
 * The one place that changes the status of a task: it steps the machine of `@makima/core/task`, keeps the
 * story (an event for each status passed through, an entry in the task's history) and turns effects into
 * commands. The update statement stands at the end.
 */
import { sql } from "kysely";
import {
  stepTask,
  type TaskEffect,
  type TaskEvent,
  type TaskState,
  type TaskStatus,
  type TaskStep,
} from "@makima/core/task";
import { refused, type Outcome } from "../outcome.ts";
import { toJson } from "../store/json.ts";
import { lockContractsOf, lockTasks, type TaskRow } from "../store/task-rows.ts";
import { type EndReason, addCommand, addEntry, addEvent, type HeldTask, type Work } from "./work.ts";

/** Locks tasks, and before them their contracts. Unknown ids are not in the answer. */
export async function holdTasks(work: Work, ids: readonly string[]): Promise<HeldTask[]> {
  const missing = [...new Set(ids)].filter((id) => !work.tasks.has(id));
  if (missing.length > 0) {
    const [contracts, tasks] = await Promise.all([
      lockContractsOf(work.db, missing),
      lockTasks(work.db, missing),
    ]);
    for (const row of contracts) {
      if (!work.contracts.has(row.id)) work.contracts.set(row.id, { row, changed: false });
    }
    for (const row of tasks) holdTask(work, row);
  }
  return ids.flatMap((id) => work.tasks.get(id) ?? []);
}

/** Takes in a row that is locked already. */
export function holdTask(work: Work, row: TaskRow): HeldTask {
  const held: HeldTask = { row, changed: false, details: false, requeued: false };
  work.tasks.set(row.id, held);
  return held;
}

export async function holdOneTask(work: Work, id: string): Promise<HeldTask> {
  const [held] = await holdTasks(work, [id]);
  if (!held) throw new Error(`task ${id} went away while it was being changed`);
  return held;
}

export interface Why {
  /** For the history: what happened, in words. */
  detail?: string;
  /** Of the run that ends with this change. */
  outcome?: unknown;
  runtimeSecs?: number;
}

/** Changes a held task; a refused step leaves it as it is. */
export function changeTask(work: Work, held: HeldTask, event: TaskEvent, why: Why = {}): TaskStep {
  const { row } = held;
  const step = stepTask(stateOf(row), event);
  if (!step.ok) return step;
  const from = row.status;
  takeState(row, step.state, event, work.deps.now());
  if (event.type === "ended" && event.outcome.type === "parked")
    row.blocked_detail = event.outcome.detail ?? null;
  held.changed = true;
  work.touchedTasks.add(row.id);
  if (row.contract_id) work.settling.add(row.contract_id);
  if (row.wake_at) work.timersChanged = true;
  tellStory(work, row, from, step.passed, why.detail);
  for (const effect of step.effects) carryOut(work, held, effect, event, why);
  return step;
}

/** What changes on a task without a change of status; it still raises the version. */
export function touchTask(work: Work, held: HeldTask, details = false): void {
  held.changed = true;
  held.details ||= details;
  work.touchedTasks.add(held.row.id);
}

function stateOf(row: TaskRow): TaskState {
  const state: TaskState = {
    status: row.status,
    epoch: row.epoch,
    attempt: row.attempt,
    maxAttempts: row.max_attempts,
    pauseRequested: row.pause_requested,
  };
  if (row.blocked_by) state.blockedBy = row.blocked_by;
  if (row.wake_at) state.wakeAt = row.wake_at.getTime();
  if (row.error) state.error = row.error;
  return state;
}

function takeState(row: TaskRow, state: TaskState, event: TaskEvent, now: number): void {
  row.status = state.status;
  row.epoch = state.epoch;
  row.attempt = state.attempt;
  row.pause_requested = state.pauseRequested;
  row.blocked_by = state.blockedBy ?? null;
  row.blocked_detail = null;
  row.wake_at = state.wakeAt === undefined ? null : new Date(state.wakeAt);
  row.error = state.error ?? null;
  row.waiting_on = state.status === "pending" ? "a free slot" : null;
  if (event.type === "running") row.started_at ??= new Date(now);
  const over = state.status === "done" || state.status === "failed" || state.status === "cancelled";
  row.ended_at = over ? new Date(now) : null;
}

function tellStory(
  work: Work,
  row: TaskRow,
  from: TaskStatus,
  passed: readonly TaskStatus[],
  detail?: string,
): void {
  let before = from;
  for (const status of passed) {
    if (status === before) continue;
    addEvent(work, row.owner_id, {
      type: "TaskStateChanged",
      contractId: row.contract_id,
      taskId: row.id,
      data: { taskName: row.name, oldState: before, newState: status, ...(detail ? { reason: detail } : {}) },
    });
    before = status;
  }
  if (before === from && !row.pause_requested) return;
  const said =
    detail ?? row.error?.message ?? row.blocked_detail ?? (row.pause_requested ? "asked to pause" : "");
  const change =
    before === from ? from : `${from} → ${passed.filter((status) => status !== from).join(" → ")}`;
  addEntry(
    work,
    row.id,
    { messageType: "state", content: said ? `${change}: ${said}` : change },
    row.run_id ?? undefined,
  );
}

function carryOut(work: Work, held: HeldTask, effect: TaskEffect, event: TaskEvent, why: Why): void {
  const { row } = held;
  switch (effect.type) {
    case "place":
      held.requeued = true;
      work.workChanged = true;
      return;
    case "stopRun":
      if (row.daemon_id && row.run_id) {
        const run = { runId: row.run_id, taskId: row.id, epoch: effect.epoch };
        addCommand(work, row.daemon_id, { type: "stopRun", ...run, manner: effect.manner }, row.id);
      }
      return;
    case "endRun":
      if (!row.run_id) return;
      work.endedRuns.push({
        id: row.run_id,
        daemonId: row.daemon_id,
        reason: endReason(event),
        final: row.ended_at !== null,
        ...(why.outcome === undefined ? {} : { outcome: why.outcome }),
        ...(why.runtimeSecs === undefined ? {} : { runtimeSecs: why.runtimeSecs }),
      });
      work.endedCredentials.push(row.run_id);
      // A slot is free.
      work.workChanged = true;
      return;
    case "taskEnded":
      work.endedTasks.add(row.id);
      addEvent(work, row.owner_id, {
        type: "TaskCompleted",
        contractId: row.contract_id,
        taskId: row.id,
        data: { taskName: row.name, success: row.status === "done", status: row.status },
      });
  }
}

function endReason(event: TaskEvent): EndReason {
  if (event.type === "ended") return event.outcome.type;
  return event.type === "cancel" ? "cancelled" : "lost";
}

/** The refusal of a step, as a door words it. */
export function refusedStep(step: Extract<TaskStep, { ok: false }>, row: TaskRow): Outcome<never> {
  const { refusal } = step;
  if (refusal.type === "staleLease") {
    return refused(
      "STALE_LEASE",
      `The lease of epoch ${refusal.epoch} is no longer held; the current epoch is ${refusal.current}.`,
      {
        details: { epoch: refusal.epoch, currentEpoch: refusal.current },
      },
    );
  }
  return refused(
    "INVALID_TRANSITION",
    `Task ${row.short_id} is ${refusal.from}: "${refusal.event}" is not possible now.`,
    {
      details: { from: refusal.from, event: refusal.event, allowed: refusal.allowed },
      next: [`makima tasks show ${row.short_id}`],
    },
  );
}

const STATE = [
  "id",
  "status",
  "epoch",
  "attempt",
  "pause_requested",
  "blocked_by",
  "blocked_detail",
  "wake_at",
  "waiting_on",
  "error",
  "held",
  "deps_left",
  "daemon_id",
  "run_id",
  "worktree_path",
  "iteration",
  "max_iterations",
  "action_retrying",
  "started_at",
  "ended_at",
  "version",
] as const satisfies readonly (keyof TaskRow)[];

const DETAILS = [
  "id",
  "base_branch",
  "base_commit",
  "branch",
  "max_cost_usd",
  "loop",
  "gate",
  "evidence",
  "result",
  "usage",
  "runtime_secs",
  "spent_cost_usd",
  "spent_secs",
] as const satisfies readonly (keyof TaskRow)[];

function pick(row: TaskRow, columns: readonly (keyof TaskRow)[]): Record<string, unknown> {
  return Object.fromEntries(columns.map((column) => [column, row[column]]));
}

/** Writes the tasks that changed. Called by `transact` alone. */
export function writeTasks({ db, tasks }: Work): Promise<unknown>[] {
  const changed = [...tasks.values()].filter((held) => held.changed);
  if (changed.length === 0) return [];
  for (const { row } of changed) row.version += 1;
  const states = changed.map(({ row, requeued }) => ({ ...pick(row, STATE), requeued }));
  const details = changed.filter((held) => held.details).map(({ row }) => pick(row, DETAILS));
  const statements: Promise<unknown>[] = [
    sql`
      update makima.task t set status = n.status, epoch = n.epoch, attempt = n.attempt,
        pause_requested = n.pause_requested, blocked_by = n.blocked_by, blocked_detail = n.blocked_detail,
        wake_at = n.wake_at, waiting_on = n.waiting_on, error = n.error, held = n.held, deps_left = n.deps_left,
        turn = case when n.requeued then (select o.turn from makima.owner o where o.id = t.owner_id) else t.turn end,
        daemon_id = n.daemon_id, run_id = n.run_id, worktree_path = n.worktree_path, iteration = n.iteration,
        max_iterations = n.max_iterations, action_retrying = n.action_retrying, started_at = n.started_at,
        ended_at = n.ended_at, version = n.version, updated_at = now()
      from jsonb_to_recordset(${toJson(states)}::jsonb) as n (id uuid, status text, epoch int, attempt int,
        pause_requested boolean, blocked_by text, blocked_detail text, wake_at timestamptz, waiting_on text,
        error jsonb, held boolean, deps_left int, requeued boolean, daemon_id uuid, run_id uuid,
        worktree_path text, iteration int, max_iterations int, action_retrying boolean, started_at timestamptz,
        ended_at timestamptz, version int)
      where t.id = n.id and t.version = n.version - 1`.execute(db),
  ];
  if (details.length > 0) {
    statements.push(
      sql`
      update makima.task t set base_branch = n.base_branch, base_commit = n.base_commit, branch = n.branch,
        max_cost_usd = n.max_cost_usd, loop = n.loop, gate = n.gate, evidence = n.evidence, result = n.result,
        usage = n.usage, runtime_secs = n.runtime_secs, spent_cost_usd = n.spent_cost_usd, spent_secs = n.spent_secs
      from jsonb_to_recordset(${toJson(details)}::jsonb) as n (id uuid, base_branch text, base_commit text,
        branch text, max_cost_usd double precision, loop jsonb, gate jsonb, evidence jsonb, result jsonb,
        usage jsonb, runtime_secs double precision, spent_cost_usd double precision, spent_secs double precision)
      where t.id = n.id`.execute(db),
    );
  }
  return statements;
}
