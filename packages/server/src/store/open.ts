/** Opens the database: a pool of connections and the query builder on it. */
import { Kysely } from "kysely";
import pg, { type PoolConfig } from "pg";
import type { Logger } from "pino";
import { poolDialect } from "./driver.ts";
import { knowPool } from "./pin.ts";
import type { Database } from "./schema.ts";
import { isUnreachable, StoreError } from "./store-error.ts";

export interface OpenOptions {
  /** Where: a URL (`connectionString`) or socket folder, user and database. */
  connection: PoolConfig;
  log: Logger;
  /** Most connections; 10 if not given. */
  poolSize?: number;
}

export interface OpenDatabase extends AsyncDisposable {
  db: Kysely<Database>;
  pool: pg.Pool;
}

/** Oldest PostgreSQL that is supported. */
const OLDEST_SERVER = 150_000;

/** bigint as number: counters here stay far under 2^53. */
const INT8 = 20;

export function typeParser(oid: number, format?: string): (text: string) => unknown {
  if (oid === INT8 && format !== "binary") return Number;
  return pg.types.getTypeParser(oid, format as "text");
}

/** Connects and looks at the server's version. Throws StoreError `unreachable` or `too_old`. */
export async function openDatabase({ connection, log, poolSize = 10 }: OpenOptions): Promise<OpenDatabase> {
  const pool = new pg.Pool({
    max: poolSize,
    application_name: "makima",
    connectionTimeoutMillis: 10_000,
    idleTimeoutMillis: 60_000,
    // Statements of one transaction that do not need each other's rows travel together.
    pipeline: true,
    ...connection,
    types: { getTypeParser: typeParser as never },
  } as PoolConfig);
  pool.on("error", (error) => log.warn({ err: error }, "a database connection was lost"));
  // While a connection is in use the pool does not listen; without a listener its loss would end the process.
  // Whoever uses it gets the error with the query.
  pool.on("connect", (client) =>
    client.on("error", (error) => log.debug({ err: error }, "a database connection in use was lost")),
  );
  const db = new Kysely<Database>({ dialect: poolDialect(pool) }).withSchema("makima");
  knowPool(db, pool);
  const opened = { db, pool, [Symbol.asyncDispose]: () => db.destroy() };
  try {
    await checkVersion(pool);
  } catch (error) {
    await db.destroy();
    throw error;
  }
  return opened;
}

async function checkVersion(pool: pg.Pool): Promise<void> {
  let version: number;
  try {
    const { rows } = await pool.query("select current_setting('server_version_num')::int as version");
    version = rows[0].version;
  } catch (error) {
    if (!isUnreachable(error)) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new StoreError(
      "unreachable",
      `PostgreSQL does not answer (${why}). Check that it runs and that DATABASE_URL is right, then start makima again.`,
      { cause: error },
    );
  }
  if (version < OLDEST_SERVER) {
    throw new StoreError(
      "too_old",
      `This PostgreSQL is version ${Math.floor(version / 10_000)}; makima needs 15 or newer. Upgrade it, or unset DATABASE_URL to use the one that makima brings along.`,
    );
  }
}
