/** A connection for oneself, on which queries travel without waiting for each other's answers. */
import { Kysely } from "kysely";
import type { Pool, PoolClient } from "pg";
import { pinnedDialect } from "./driver.ts";
import type { Database } from "./schema.ts";

const pools = new WeakMap<Kysely<Database>, Pool>();
const pinned = new WeakMap<PoolClient, Kysely<Database>>();

/** So that a connection can be pinned out of the pool behind `db`. */
export function knowPool(db: Kysely<Database>, pool: Pool): void {
  pools.set(db, pool);
}

/** Queries that `use` starts are sent at once and answered in order. Whatever `use` began on it, it ends. */
export async function onOneConnection<T>(
  db: Kysely<Database>,
  use: (db: Kysely<Database>) => Promise<T>,
): Promise<T> {
  const pool = pools.get(db);
  if (!pool) throw new Error("this database was not opened by openDatabase");
  const client = await pool.connect();
  let mine = pinned.get(client);
  if (!mine) {
    mine = new Kysely<Database>({ dialect: pinnedDialect(client) }).withSchema("makima");
    pinned.set(client, mine);
  }
  let broken = true;
  try {
    const value = await use(mine);
    broken = false;
    return value;
  } catch (error) {
    broken = error instanceof BrokenConnection;
    throw broken && error instanceof BrokenConnection ? error.cause : error;
  } finally {
    client.release(broken);
  }
}

/** Thrown by `use` when the connection is in no known state; its cause is what the caller gets. */
export class BrokenConnection extends Error {
  constructor(cause: unknown) {
    super("the connection is of no use any more", { cause });
  }
}
