/**
 * One server at a time on a database: an advisory lock, held by a connection of its own for as long as the
 * server lives. PostgreSQL gives the lock back when that connection ends, however the server died.
 *
 * Needs a connection that stays with its session: a pooler in transaction mode cannot be in between.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Client, type PoolConfig } from "pg";
import type { Logger } from "pino";
import { isUnreachable } from "./store/store-error.ts";

/** "makima" as a number; two int4 so that it stands out in pg_locks. */
const LOCK = [0x6d616b69, 0x6d61] as const;

/** The database finds a dead connection of ours in 25 seconds; after these tries it is really another server. */
const KEEPALIVES =
  "set tcp_keepalives_idle = 10; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 3";
const MOST_TRIES = 30;

export class OtherServerError extends Error {
  readonly code = "OTHER_SERVER";
  constructor() {
    super(
      "Another makima server works on this database. Stop that one first, or give this one a database of its own (server.database_url).",
    );
  }
}

export interface ServerLock extends AsyncDisposable {
  /** False while the connection is lost: then nothing may be served, since another server could have begun. */
  readonly held: boolean;
  /** Aborted with OtherServerError when another server took the lock during an outage. */
  readonly lost: AbortSignal;
}

export interface LockOptions {
  connection: PoolConfig;
  log: Logger;
  /** The lock was taken again after an outage. */
  regained(): void;
}

/** Throws OtherServerError when another server holds the lock. */
export async function takeServerLock({ connection, log, regained }: LockOptions): Promise<ServerLock> {
  const lost = new AbortController();
  let client: Client | undefined = await connect();
  const closing = new AbortController();
  let retaking: Promise<void> = Promise.resolve();

  async function connect(): Promise<Client> {
    const fresh = new Client({
      ...connection,
      application_name: "makima lock",
      connectionTimeoutMillis: 5000,
      keepAlive: true,
    });
    fresh.on("error", (error) =>
      log.warn({ err: error }, "the connection that holds the server's lock failed"),
    );
    await fresh.connect();
    try {
      await fresh.query(KEEPALIVES);
      const { rows } = await fresh.query<{ locked: boolean }>(
        "select pg_try_advisory_lock($1, $2) as locked",
        [...LOCK],
      );
      if (!rows[0]?.locked) throw new OtherServerError();
    } catch (error) {
      await fresh.end().catch(() => undefined);
      throw error;
    }
    fresh.once("end", () => {
      if (closing.signal.aborted || client !== fresh) return;
      client = undefined;
      retaking = retake();
    });
    return fresh;
  }

  async function retake(): Promise<void> {
    log.warn("the database does not answer; nothing is served until it does");
    let others = 0;
    for (let failures = 0; !closing.signal.aborted; failures += 1) {
      await sleep(Math.min(2000, 50 * 2 ** failures), undefined, { signal: closing.signal }).catch(
        () => undefined,
      );
      if (closing.signal.aborted) return;
      try {
        client = await connect();
        log.info("the database answers again");
        regained();
        return;
      } catch (error) {
        // Our own old session may outlive its broken connection for as long as its keepalives allow.
        if (error instanceof OtherServerError) others += 1;
        else if (!isUnreachable(error))
          log.error({ err: error }, "the server's lock could not be taken again");
        if (others >= MOST_TRIES) return lost.abort(error);
      }
    }
  }

  return {
    get held() {
      return client !== undefined;
    },
    lost: lost.signal,
    async [Symbol.asyncDispose]() {
      closing.abort();
      const last = client;
      client = undefined;
      await last?.end().catch(() => undefined);
      await retaking;
    },
  };
}
