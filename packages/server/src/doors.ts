/** Everything that people, faces and daemons reach: HTTP routes, sockets, the event stream. */
import { sql } from "kysely";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { AddressInfo } from "node:net";
import { MAX_FRAME_BYTES } from "@makima/protocol/daemon-wire";
import type { Identify } from "./auth/identify.ts";
import type { Deps } from "./deps.ts";
import { mountRoutes } from "./http/handlers.ts";
import { makeGuards } from "./http/guards.ts";
import { API_ROOT } from "./http/mount.ts";
import { mountPlain } from "./http/plain-routes.ts";
import { DATABASE_AWAY } from "./http/problem-reply.ts";
import { buildHttp } from "./http/server.ts";
import { limitSignIns } from "./http/sign-in-limit.ts";
import { makeScrape } from "./metrics/collect.ts";
import { makeMetrics } from "./metrics/metrics.ts";
import { watchSignals } from "./metrics/watch-signals.ts";
import type { Refusal } from "./outcome.ts";
import type { ServerOptions, ServerTiming } from "./server-options.ts";
import { DaemonRegistry } from "./ws/daemon-registry.ts";
import { serveDaemon } from "./ws/daemon-socket.ts";
import { EventFeeds } from "./ws/event-feeds.ts";
import { serveMonitor } from "./ws/monitor.ts";
import { TaskFeeds } from "./ws/task-feeds.ts";
import { MAX_WATCH_FRAME, serveTaskSubscriptions } from "./ws/task-subscriptions.ts";
import { acceptSockets, type SocketRoute } from "./ws/upgrade.ts";

export interface DoorOptions extends ServerOptions {
  timing: ServerTiming;
  instanceId: string;
  deps: Deps;
  identify: Identify;
  /** Why nothing can be served just now. */
  away(): Refusal | undefined;
}

export interface Doors {
  url: string;
  port: number;
  /** Daemons look for commands whose signal was lost. */
  pumpAll(): void;
  /** Lets nobody in any more, tells those who are in, and waits for them, `drainMs` at most. */
  close(): Promise<void>;
}

export async function openDoors(options: DoorOptions): Promise<Doors> {
  const { deps, timing, log, away, identify } = options;
  const { signals } = deps;
  const metrics = makeMetrics();
  watchSignals(signals, metrics);
  const registry = new DaemonRegistry();
  signals.on("commandsAdded", (daemonId) => registry.pump(daemonId));
  const events = new EventFeeds(deps);
  const tasks = new TaskFeeds(deps);
  const guards = makeGuards({ allowedOrigins: [], ...options });
  const secure = options.publicUrl?.startsWith("https:") ?? false;

  const app = await buildHttp({
    log,
    guards,
    secure,
    away,
    behindProxy: options.behindProxy ?? false,
    requestTimeoutMs: timing.requestMs,
    requestsPerMinute: timing.requestsPerMinute,
  });
  const signIns = limitSignIns(app, timing.failuresPerMinute);
  const identifyRequest = async (request: FastifyRequest) => {
    const outcome = await identify(request.headers);
    if (outcome.ok || request.headers.authorization === undefined) return outcome;
    const refusal = await signIns.failed(request);
    return refusal ? { ok: false as const, refusal } : outcome;
  };
  app.addHook("onResponse", async (request, reply) => {
    const route = request.routeOptions.url ?? "none";
    const status = `${Math.floor(reply.statusCode / 100)}xx`;
    metrics.httpSeconds.observe({ method: request.method, route, status }, reply.elapsedTime / 1000);
  });

  const place = { url: options.publicUrl?.replace(/\/+$/, "") ?? "" };
  mountRoutes(
    app,
    {
      deps,
      secure,
      signIns,
      instanceId: options.instanceId,
      startedAt: deps.now(),
      publicUrl: () => place.url,
      sessionTtlSecs: options.auth?.sessionTtlSecs ?? 86_400,
      queryDaemon: (whom, query) => registry.query(whom, query),
      ready: async () => away() ?? (await unlessAnswering(deps)),
    },
    { deps, identify: identifyRequest },
  );
  const streams = mountPlain(app, {
    identify: identifyRequest,
    events,
    scrape: makeScrape(deps, metrics),
    pingMs: timing.ssePingMs,
  });

  const watch = { maxPayload: MAX_WATCH_FRAME, scope: "read" } as const;
  const routes: Record<string, SocketRoute> = {
    [`${API_ROOT}/mesh/daemons/connect`]: {
      kind: "daemon",
      maxPayload: MAX_FRAME_BYTES,
      principals: ["daemon", "person"],
      scope: "write",
      serve: (socket, caller) =>
        serveDaemon(socket, caller, {
          deps,
          registry,
          helloMs: timing.helloMs,
          beat: () => metrics.heartbeats.inc(),
        }),
    },
    [`${API_ROOT}/mesh/tasks/subscribe`]: {
      ...watch,
      kind: "task",
      principals: ["person", "task"],
      serve: (socket, caller) => serveTaskSubscriptions(socket, caller, tasks),
    },
    [`${API_ROOT}/contracts/monitor`]: {
      ...watch,
      kind: "monitor",
      principals: ["person"],
      serve: (socket, caller) => serveMonitor(socket, caller, events),
    },
  };
  const upgrades = acceptSockets(app.server, {
    routes,
    guards,
    signals,
    log,
    away,
    identify: (request) => identify(request.headers),
    pingMs: timing.pingMs,
    recheckMs: timing.recheckMs,
    opened: (kind, by) => metrics.webSockets.inc({ kind }, by),
  });
  app.addHook("preClose", async () => {
    await registry.endAll("shuttingDown", "The server is shutting down; it will be back.");
    upgrades.close();
    streams.close();
  });

  await app.listen({ host: options.host, port: options.port });
  const { port } = app.server.address() as AddressInfo;
  place.url ||= `http://${hostInUrl(options.host)}:${port}`;
  return {
    url: `http://${hostInUrl(options.host)}:${port}`,
    port,
    pumpAll: () => registry.pumpAll(),
    close: () => closeWithin(app, timing.drainMs),
  };
}

/** A database that holds its connection and does not answer is not ready either. */
async function unlessAnswering({ db }: Deps): Promise<Refusal | undefined> {
  const patience = Promise.withResolvers<Refusal>();
  const timer = setTimeout(() => patience.resolve(DATABASE_AWAY), PROBE_MS);
  try {
    const probe = sql`select 1`.execute(db).then(() => undefined);
    return await Promise.race([probe, patience.promise]);
  } finally {
    clearTimeout(timer);
  }
}

const PROBE_MS = 2000;

async function closeWithin(app: FastifyInstance, drainMs: number): Promise<void> {
  const cut = setTimeout(() => app.server.closeAllConnections(), drainMs);
  try {
    await app.close();
  } finally {
    clearTimeout(cut);
  }
}

function hostInUrl(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}
