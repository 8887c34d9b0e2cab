/**
 * How queries reach PostgreSQL: over pg's pool, as prepared statements, and on a pinned connection without
 * waiting for each other.
 *
 * Planning a query here costs more than running it, so one that comes again is prepared on its connection.
 * Kysely's own driver runs the queries of one connection one after the other; pg can send them all and read
 * the answers in order, which saves a transaction most of its round trips.
 */
import {
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
} from "kysely";
import { createHash } from "node:crypto";
import type { Pool, PoolClient } from "pg";

/** Texts that are prepared at most; a text that varies with its input would otherwise fill the server's memory. */
const MOST_NAMES = 400;
const names = new Map<string, string | undefined>();

/** A name for a text that was seen before, the same on every connection. */
function nameFor(text: string): string | undefined {
  const known = names.get(text);
  if (known !== undefined) return known;
  if (!names.has(text)) {
    if (names.size < MOST_NAMES * 4) names.set(text, undefined);
    return undefined;
  }
  if (prepared >= MOST_NAMES) return undefined;
  prepared += 1;
  const name = `m${createHash("sha256").update(text).digest("hex").slice(0, 24)}`;
  names.set(text, name);
  return name;
}
let prepared = 0;

class PgConnection implements DatabaseConnection {
  readonly client: PoolClient;

  constructor(client: PoolClient) {
    this.client = client;
  }

  async executeQuery<R>({ sql: text, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const values = [...parameters];
    const name = values.length > 0 ? nameFor(text) : undefined;
    const { command, rowCount, rows } = await this.client.query(
      name ? { name, text, values } : { text, values },
    );
    const changes =
      command === "INSERT" || command === "UPDATE" || command === "DELETE" || command === "MERGE";
    return changes ? { numAffectedRows: BigInt(rowCount ?? 0), rows } : { rows };
  }

  // eslint-disable-next-line require-yield
  async *streamQuery(): AsyncIterableIterator<never> {
    throw new Error("Queries are read whole here");
  }
}

abstract class PgDriver implements Driver {
  async init(): Promise<void> {}
  abstract acquireConnection(): Promise<PgConnection>;
  abstract releaseConnection(connection: PgConnection): Promise<void>;
  abstract destroy(): Promise<void>;

  async beginTransaction(connection: PgConnection): Promise<void> {
    await connection.client.query("begin");
  }
  async commitTransaction(connection: PgConnection): Promise<void> {
    const { command } = await connection.client.query("commit");
    if (command === "ROLLBACK") throw new Error("The transaction was aborted by an earlier error");
  }
  async rollbackTransaction(connection: PgConnection): Promise<void> {
    await connection.client.query("rollback");
  }
}

class PoolDriver extends PgDriver {
  readonly #pool: Pool;
  readonly #connections = new WeakMap<PoolClient, PgConnection>();

  constructor(pool: Pool) {
    super();
    this.#pool = pool;
  }
  async acquireConnection(): Promise<PgConnection> {
    const client = await this.#pool.connect();
    const connection = this.#connections.get(client) ?? new PgConnection(client);
    this.#connections.set(client, connection);
    return connection;
  }
  async releaseConnection({ client }: PgConnection): Promise<void> {
    client.release();
  }
  async destroy(): Promise<void> {
    await this.#pool.end();
  }
}

/** One connection for all queries; whoever pinned it releases it. */
class PinnedDriver extends PgDriver {
  readonly #connection: PgConnection;

  constructor(client: PoolClient) {
    super();
    this.#connection = new PgConnection(client);
  }
  acquireConnection(): Promise<PgConnection> {
    return Promise.resolve(this.#connection);
  }
  async releaseConnection(): Promise<void> {}
  async destroy(): Promise<void> {}
}

function dialectOn(driver: Driver): Dialect {
  return {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => driver,
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  };
}

export const poolDialect = (pool: Pool): Dialect => dialectOn(new PoolDriver(pool));
export const pinnedDialect = (client: PoolClient): Dialect => dialectOn(new PinnedDriver(client));
