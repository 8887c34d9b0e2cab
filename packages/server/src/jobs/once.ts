/**
 * Requests that carry an Idempotency-Key: the key, what was asked and what came of it are stored in the
 * transaction that did it. Two of the same key at once wait for each other; what was refused leaves no key.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { sql, type Kysely } from "kysely";
import { createHash } from "node:crypto";
import type { Deps } from "../deps.ts";
import { refused, type Outcome } from "../outcome.ts";
import { toJson } from "../store/json.ts";
import type { Database } from "../store/schema.ts";

export interface OnceRequest {
  ownerId: string;
  /** As the client sent it. */
  key: string;
  /** Id of the route. */
  route: string;
  /** Everything of the request that makes it this one: parameters and body. */
  request: unknown;
}

export interface Ticket {
  ownerId: string;
  key: string;
  route: string;
  hash: Buffer;
  replayed: boolean;
  used: boolean;
}

const current = new AsyncLocalStorage<Ticket>();

/**
 * Runs `work`, whose first changing transaction becomes bound to the key. If the key was used for the same
 * request before, that transaction changes nothing and answers what it answered then; for another request:
 * IDEMPOTENCY_MISMATCH. `replayed` says whether it was.
 */
export async function once<T>(
  _deps: Deps,
  { ownerId, key, route, request }: OnceRequest,
  work: () => Promise<Outcome<T>>,
): Promise<{ outcome: Outcome<T>; replayed: boolean }> {
  const hash = createHash("sha256")
    .update(JSON.stringify([route, request]) ?? "")
    .digest();
  const ticket: Ticket = { ownerId, key, route, hash, replayed: false, used: false };
  const outcome = await current.run(ticket, work);
  return { outcome, replayed: ticket.replayed };
}

/** The ticket of the request that runs, for `transact`; each is good for one transaction that commits. */
export function openTicket(): Ticket | undefined {
  const ticket = current.getStore();
  return ticket?.used ? undefined : ticket;
}

/** Undefined when the key is new and now this transaction's; else the answer to give. */
export async function useKey(db: Kysely<Database>, ticket: Ticket): Promise<Outcome<unknown> | undefined> {
  const { ownerId, key, route, hash } = ticket;
  const inserted = await sql`
    insert into makima.idempotency_key (owner_id, key, route, hash) values (${ownerId}, ${key}, ${route}, ${hash})
    on conflict do nothing returning 1`.execute(db);
  if (inserted.rows.length > 0) return undefined;
  const { rows } = await sql<{ hash: Buffer; route: string; value: unknown }>`
    select hash, route, value from makima.idempotency_key where owner_id = ${ownerId} and key = ${key}`.execute(
    db,
  );
  const used = rows[0];
  if (!used?.hash.equals(hash)) {
    return refused(
      "IDEMPOTENCY_MISMATCH",
      "This Idempotency-Key was used for another request. Use a new key for a new request.",
    );
  }
  ticket.replayed = true;
  return { ok: true, value: used.value };
}

export async function keepAnswer(db: Kysely<Database>, ticket: Ticket, value: unknown): Promise<void> {
  await sql`update makima.idempotency_key set value = ${toJson(value)}::jsonb
    where owner_id = ${ticket.ownerId} and key = ${ticket.key}`.execute(db);
}
