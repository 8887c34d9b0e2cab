/** Owners, keys, sessions: who may do what. */
import type { Generated } from "kysely";
import type { Json, MaybeStamp, Stamp } from "./columns.ts";

export interface OwnerTable {
  id: string;
  name: string;
  /** Who it is at an identity provider, where it came from one. */
  subject: string | null;
  role: "admin" | "member";
  /** Number of the owner's newest event. Its row lock orders events; it is taken last in a transaction. */
  event_seq: Generated<number>;
  /** The fair queue's clock: the highest turn that was placed. */
  turn: Generated<number>;
  created_at: Generated<Date>;
}

export interface ApiKeyTable {
  id: string;
  owner_id: string;
  name: string;
  kind: "person" | "daemon" | "task";
  prefix: string;
  /** SHA-256 of the key. */
  hash: Buffer;
  scopes: string[];
  run_id: string | null;
  task_id: string | null;
  contract_id: string | null;
  created_at: Generated<Date>;
  expires_at: MaybeStamp;
  last_used_at: MaybeStamp;
  revoked_at: MaybeStamp;
}

export interface SessionTable {
  id: string;
  owner_id: string;
  hash: Buffer;
  created_at: Generated<Date>;
  expires_at: Stamp;
  revoked_at: MaybeStamp;
}

export interface LoginLinkTable {
  hash: Buffer;
  owner_id: string;
  created_at: Generated<Date>;
  expires_at: Stamp;
  used_at: MaybeStamp;
}

export interface IdempotencyKeyTable {
  owner_id: string;
  key: string;
  route: string;
  hash: Buffer;
  value: Json<unknown>;
  created_at: Generated<Date>;
}
