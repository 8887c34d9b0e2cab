/**
 * The server, from its database to its doors. Started by the command line; read this file first.
 *
 * Order: the options are safe → the database answers → no other server has it → its tables are current →
 * background jobs → doors. It ends in the opposite order, in bounded time.
 */
import { randomUUID } from "node:crypto";
import { makeIdentify } from "./auth/identify.ts";
import { makeJwtVerifier } from "./auth/jwt.ts";
import type { Deps } from "./deps.ts";
import { openDoors, type Doors } from "./doors.ts";
import { DATABASE_AWAY } from "./http/problem-reply.ts";
import { startJobs } from "./jobs/start-jobs.ts";
import { checkOptions, poolConfigOf, TIMING, type ServerOptions } from "./server-options.ts";
import { takeServerLock } from "./server-lock.ts";
import { Signals } from "./signals.ts";
import { migrate } from "./store/migrate.ts";
import { openDatabase } from "./store/open.ts";

export type { ServerOptions } from "./server-options.ts";

export interface RunningServer {
  /** Address to call it under, without a slash at the end. */
  url: string;
  port: number;
  deps: Deps;
  /** Aborted when the server cannot go on: another one took its database during an outage. */
  failed: AbortSignal;
  /** Ends it: no new requests, daemons told, jobs drained, connections closed. */
  close(): Promise<void>;
}

/**
 * Starts a server; resolves once it listens. Throws ServerOptionsError, StoreError (`unreachable`,
 * `too_old`, `migration_failed`) or OtherServerError, each with the next step in its message.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  checkOptions(options);
  const verifyJwt = makeJwtVerifier(options.auth ?? {});
  const { log, leases, limits, retentionDays } = options;
  const connection = poolConfigOf(options.database);
  const failed = new AbortController();

  await using opening = new AsyncDisposableStack();
  const store = await openDatabase({
    connection,
    log,
    ...(options.poolSize === undefined ? {} : { poolSize: options.poolSize }),
  });
  opening.use(store);
  let doors: Doors | undefined;
  const signals = new Signals();
  const regained = () => {
    // Signals of the time of the outage are lost: everybody looks anew.
    signals.emit("workChanged");
    signals.emit("timersChanged");
    doors?.pumpAll();
  };
  const lock = await takeServerLock({ connection, log, regained });
  opening.use(lock);
  lock.lost.addEventListener("abort", () => failed.abort(lock.lost.reason));
  await migrate(store.db);

  const deps: Deps = {
    db: store.db,
    signals,
    log,
    leases,
    limits,
    retentionDays,
    now: () => Date.now(),
  };
  const jobs = await startJobs(deps);
  opening.defer(() => jobs.close());
  doors = await openDoors({
    ...options,
    timing: { ...TIMING, ...options.timing },
    instanceId: options.instanceId ?? randomUUID(),
    deps,
    identify: makeIdentify(deps, verifyJwt),
    away: () => (lock.held ? undefined : DATABASE_AWAY),
  });
  opening.defer(() => doors?.close());

  const open = opening.move();
  let closing: Promise<void> | undefined;
  return {
    url: doors.url,
    port: doors.port,
    deps,
    failed: failed.signal,
    close: () => (closing ??= open.disposeAsync()),
  };
}
