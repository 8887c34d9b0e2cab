/** What every job of the server is given. */
import type { Kysely } from "kysely";
import type { Logger } from "pino";
import type { Signals } from "./signals.ts";
import type { Database } from "./store/schema.ts";

export interface LeaseSettings {
  heartbeatSecs: number;
  leaseSecs: number;
  graceSecs: number;
}

export interface Deps {
  db: Kysely<Database>;
  signals: Signals;
  log: Logger;
  leases: LeaseSettings;
  limits: { maxAttempts: number; maxTasks: number };
  /** Days that history of ended tasks' events and removed things stay; see jobs/retention. */
  retentionDays: number;
  /** Epoch milliseconds; only for what is shown, never for leases (those use the database's clock). */
  now: () => number;
}

/** Who asks. Every query of a job is by `ownerId`. */
export interface Caller {
  ownerId: string;
  ownerName: string;
  role: "admin" | "member";
  principal: "person" | "daemon" | "task";
  scopes: readonly ("read" | "write" | "approve" | "admin")[];
  /** Id of the key or session, so that revoking it closes sockets. */
  credentialId: string;
  via: "key" | "session" | "jwt";
  taskId?: string;
  contractId?: string;
}
