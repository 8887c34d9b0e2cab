/** Runs of tasks and what they leave behind. */
import type { Generated } from "kysely";
import type { Evidence, GateView, Usage } from "@makima/protocol/gate";
import type { MessageType } from "@makima/protocol/history";
import type { Json, MaybeStamp, Stamp } from "./columns.ts";

/** Number of a task's newest history entry, in a narrow row of its own: output changes it all the time. */
export interface TaskSeqTable {
  task_id: string;
  last_seq: Generated<number>;
}

export type RunState = "live" | "suspect" | "ended";

export interface RunTable {
  id: string;
  task_id: string;
  owner_id: string;
  daemon_id: string;
  epoch: number;
  attempt: number;
  state: RunState;
  lease_expires_at: Stamp;
  suspect_at: MaybeStamp;
  /** How it ended: done, failed, parked, lost, cancelled. */
  end_reason: string | null;
  outcome: Json<unknown>;
  runtime_secs: number | null;
  created_at: Generated<Date>;
  ended_at: MaybeStamp;
}

export interface IterationTable {
  id: string;
  task_id: string;
  run_id: string;
  iteration: number;
  started_at: Stamp;
  duration_ms: number;
  exit_code: number | null;
  signal: string | null;
  gate: Json<GateView | null>;
  verdict: string;
  changed: boolean;
  evidence: Json<Evidence[]>;
  usage: Json<Usage>;
}

export interface CheckpointTable {
  task_id: string;
  n: number;
  run_id: string;
  ref: string;
  commit: string;
  message: string;
  at: Stamp;
  files: number;
  insertions: number;
  deletions: number;
  omitted: string[];
  pushed: boolean;
}

export interface TaskEventTable {
  task_id: string;
  seq: number;
  run_id: string | null;
  at: Stamp;
  message_type: MessageType;
  content: string;
  tool_name: string | null;
  tool_input: Json<unknown>;
  is_error: boolean | null;
  cost_usd: number | null;
  duration_ms: number | null;
  is_partial: boolean | null;
}
