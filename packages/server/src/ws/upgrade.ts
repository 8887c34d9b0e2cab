/**
 * The one door for WebSockets. Host, Origin, path, key, principal and scope are checked on the HTTP request;
 * who fails is answered in HTTP, and only who passes is upgraded.
 */
import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
import { WebSocketServer, type WebSocket } from "ws";
import type { Logger } from "pino";
import type { Caller } from "../deps.ts";
import { refuseScope, type Scope } from "../http/access.ts";
import type { Guards } from "../http/guards.ts";
import { refusalOf } from "../http/problem-reply.ts";
import { writeRefusal } from "../http/server.ts";
import type { Outcome, Refusal } from "../outcome.ts";
import type { Signals } from "../signals.ts";
import { closeSoon, GOING_AWAY, POLICY_VIOLATION } from "./close-soon.ts";
import { keepAlive } from "./keepalive.ts";

export interface SocketRoute {
  /** Label of the metric. */
  kind: string;
  /** Largest frame that is accepted, bytes. */
  maxPayload: number;
  principals: readonly Caller["principal"][];
  scope: Scope;
  serve(socket: WebSocket, caller: Caller, request: IncomingMessage): void;
}

export interface UpgradeSettings {
  /** By path. */
  routes: Record<string, SocketRoute>;
  guards: Guards;
  identify(request: IncomingMessage): Promise<Outcome<Caller>>;
  away(): Refusal | undefined;
  signals: Signals;
  log: Logger;
  pingMs: number;
  /** A credential is looked at again this often, for expiry and for what signals missed. */
  recheckMs: number;
  opened(kind: string, by: 1 | -1): void;
}

export interface Upgrades {
  /** Closes what is still open. */
  close(): void;
}

export function acceptSockets(server: Server, settings: UpgradeSettings): Upgrades {
  const open = new Set<WebSocket>();
  const byCredential = new Map<string, Set<WebSocket>>();
  const doors = new Map(
    Object.entries(settings.routes).map(([path, route]) => [
      path,
      {
        route,
        server: new WebSocketServer({
          noServer: true,
          maxPayload: route.maxPayload,
          perMessageDeflate: false,
        }),
      },
    ]),
  );

  settings.signals.on("credentialEnded", (credentialId) => {
    for (const socket of byCredential.get(credentialId) ?? []) end(socket);
  });

  server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) => {
    // Until ws takes over, a failing socket has nobody else to listen to it.
    socket.on("error", ignore);
    void admit(request)
      .catch((error: unknown) => {
        settings.log.error({ err: error }, "a socket could not be admitted");
        return refusalOf(error);
      })
      .then((admitted) => {
        if ("code" in admitted) return writeRefusal(socket, admitted);
        if (socket.destroyed) return undefined;
        socket.off("error", ignore);
        const { door, caller } = admitted;
        return door.server.handleUpgrade(request, socket, head, (ws) =>
          serve(door.route, ws, caller, request),
        );
      });
  });

  async function admit(request: IncomingMessage) {
    const refusal = settings.guards.check(request) ?? settings.away();
    if (refusal) return refusal;
    const door = doors.get((request.url ?? "").split("?", 1)[0] ?? "");
    if (!door) return { code: "NOT_FOUND", detail: "There is no socket at this address." } satisfies Refusal;
    const outcome = await settings.identify(request);
    if (!outcome.ok) return outcome.refusal;
    const caller = outcome.value;
    if (!door.route.principals.includes(caller.principal)) {
      return {
        code: "FORBIDDEN",
        detail: `A ${caller.principal}'s key may not open this socket.`,
      } satisfies Refusal;
    }
    return refuseScope(door.route.scope, caller) ?? { door, caller };
  }

  function serve(route: SocketRoute, socket: WebSocket, caller: Caller, request: IncomingMessage): void {
    open.add(socket);
    const siblings = byCredential.get(caller.credentialId) ?? new Set();
    byCredential.set(caller.credentialId, siblings.add(socket));
    settings.opened(route.kind, 1);
    const recheck = setInterval(() => void check(socket, request), settings.recheckMs);
    recheck.unref();
    socket.once("close", () => {
      clearInterval(recheck);
      open.delete(socket);
      siblings.delete(socket);
      if (siblings.size === 0) byCredential.delete(caller.credentialId);
      settings.opened(route.kind, -1);
    });
    // Malformed and oversized frames: ws closes the connection with the right code by itself.
    socket.on("error", (error) => settings.log.debug({ err: error, kind: route.kind }, "socket failed"));
    keepAlive(socket, { pingMs: settings.pingMs });
    route.serve(socket, caller, request);
  }

  async function check(socket: WebSocket, request: IncomingMessage): Promise<void> {
    try {
      const outcome = await settings.identify(request);
      if (!outcome.ok && outcome.refusal.code === "UNAUTHORIZED") end(socket);
    } catch (error) {
      settings.log.debug({ err: error }, "a credential could not be looked at again");
    }
  }

  return {
    close() {
      for (const socket of open) closeSoon(socket, GOING_AWAY, "the server is shutting down");
      for (const { server: each } of doors.values()) each.close();
    },
  };
}

function end(socket: WebSocket): void {
  closeSoon(socket, POLICY_VIOLATION, "the key or session has ended");
}

function ignore(): void {
  // The connection's end says it all.
}
