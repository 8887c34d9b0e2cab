/** What a server is started with, and which settings it refuses. */
import type { PoolConfig } from "pg";
import type { Logger } from "pino";
import type { JwtSettings } from "./auth/jwt.ts";
import type { Deps, LeaseSettings } from "./deps.ts";
import { isLoopback } from "./http/guards.ts";

export interface ServerOptions {
  /** Where the database is: a URL, or socket folder, user and database. */
  database: PoolConfig | string;
  /** Most connections to it. */
  poolSize?: number;
  host: string;
  /** 0: any that is free. */
  port: number;
  /** Address under which people reach the server, where it is not the one it binds. */
  publicUrl?: string;
  /** A proxy in front does TLS and tells the client's address. */
  behindProxy?: boolean;
  allowedOrigins?: readonly string[];
  auth?: JwtSettings & { sessionTtlSecs?: number };
  leases: LeaseSettings;
  limits: Deps["limits"];
  retentionDays: number;
  /** Names this process in health checks; random if not given. */
  instanceId?: string;
  log: Logger;
  timing?: Partial<ServerTiming>;
}

/** Bounds that only tests have a reason to change; milliseconds. */
export interface ServerTiming {
  /** A request must have arrived in full. */
  requestMs: number;
  /** A daemon must have said hello. */
  helloMs: number;
  /** Between pings of a WebSocket. */
  pingMs: number;
  /** Between looks at the credential of an open WebSocket. */
  recheckMs: number;
  /** Between comments in an event stream. */
  ssePingMs: number;
  /** Shutting down may take this long before connections are cut. */
  drainMs: number;
  /** Requests of one credential in a minute. */
  requestsPerMinute: number;
  /** Failed sign-ins of one address in a minute. */
  failuresPerMinute: number;
}

export const TIMING: ServerTiming = {
  requestMs: 30_000,
  helloMs: 10_000,
  pingMs: 20_000,
  recheckMs: 60_000,
  ssePingMs: 15_000,
  drainMs: 10_000,
  requestsPerMinute: 120_000,
  failuresPerMinute: 60,
};

export class ServerOptionsError extends Error {
  readonly code = "UNSAFE_OPTIONS";
}

/** Throws ServerOptionsError when the server would stand open to the network without TLS. */
export function checkOptions({ host, behindProxy, publicUrl, allowedOrigins = [] }: ServerOptions): void {
  if (!isLoopback(host) && !behindProxy) {
    throw new ServerOptionsError(
      `Refused to bind ${host}: keys would cross the network in the clear. ` +
        "Put a proxy that does TLS in front and set server.behind_proxy, or bind 127.0.0.1.",
    );
  }
  for (const [key, url] of [
    ["server.public_url", publicUrl],
    ...allowedOrigins.map((origin) => ["server.allowed_origins", origin]),
  ]) {
    if (url && !/^https?:\/\/[^/]+/.test(URL.canParse(url) ? url : "")) {
      throw new ServerOptionsError(`${key} is not an address: ${url}. Write it as https://makima.example.`);
    }
  }
}

export function poolConfigOf(database: PoolConfig | string): PoolConfig {
  return typeof database === "string" ? { connectionString: database } : database;
}
