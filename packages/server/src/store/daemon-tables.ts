/** Daemons, and what goes to them and comes from them. */
import type { Generated } from "kysely";
import type { AgentInfo } from "@makima/protocol/daemon-wire";
import type { Json, MaybeStamp } from "./columns.ts";

/** One row. */
export interface ServerTable {
  id: Generated<string>;
}

export interface CommandTable {
  daemon_id: string;
  seq: number;
  task_id: string | null;
  payload: Json<unknown>;
  created_at: Generated<Date>;
  /** When the daemon had it in its journal. */
  stored_at: MaybeStamp;
}

export interface DaemonTable {
  id: string;
  owner_id: string;
  name: string;
  host_id: string;
  hostname: string;
  version: string;
  labels: string[];
  slots: number;
  agents: Json<AgentInfo[]>;
  draining: Generated<boolean>;
  connected: Generated<boolean>;
  /** Rises with each connection; the newest wins. */
  connection_epoch: Generated<number>;
  last_seen_at: Generated<Date>;
  created_at: Generated<Date>;
}

/** How far a daemon's reports are applied. Locked first by whoever applies them. */
export interface DaemonInboxTable {
  daemon_id: string;
  journal_id: string;
  reports_stored: Generated<number>;
  /** Runs that the daemon did not have when it connected; their end may be among the reports up to … */
  unaccounted: Generated<string[]>;
  /** … this number. Once those are applied, what is still live of them is lost. */
  unaccounted_after: number | null;
}

/** Number of the newest command for a daemon. Locked after tasks and runs, before the owner. */
export interface DaemonOutboxTable {
  daemon_id: string;
  command_seq: Generated<number>;
}

export interface DaemonAuthTable {
  daemon_id: string;
  agent: string;
  required: boolean;
  message: string;
  login_url: string | null;
  changed_at: Generated<Date>;
}

export interface DeadReportTable {
  id: string;
  daemon_id: string;
  journal_id: string;
  seq: number;
  report: Json<unknown>;
  problem: string;
  created_at: Generated<Date>;
}
