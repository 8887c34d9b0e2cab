/** Starts a server in this process from the configuration; takes the next port where one is taken. */
import type { Logger } from "pino";
import { startServer, type RunningServer, type ServerOptions } from "@makima/server/main";
import type { Config } from "@makima/protocol/config";
import { CliError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";

/** Ports that are tried after the one that was wished for. */
const MORE_PORTS = 20;

export interface ServerSettings {
  config: Config;
  database: ServerOptions["database"];
  instanceId: string;
  log: Logger;
  /** Try the next port where one is taken. */
  movePort: boolean;
}

export async function startLocalServer(settings: ServerSettings): Promise<RunningServer> {
  const { port } = settings.config.server;
  const last = settings.movePort && port !== 0 ? Math.min(65_535, port + MORE_PORTS) : port;
  for (let next = port; ; next += 1) {
    try {
      return await startServer(optionsOf(settings, next));
    } catch (error) {
      if ((error as { code?: unknown }).code !== "EADDRINUSE") throw error;
      if (next < last) continue;
      throw portTaken(settings.config.server.host, port, last, error);
    }
  }
}

function optionsOf({ config, database, instanceId, log }: ServerSettings, port: number): ServerOptions {
  const { server, auth, leases, limits } = config;
  return {
    database,
    host: server.host,
    port,
    ...(server.public_url === "" ? {} : { publicUrl: server.public_url }),
    behindProxy: server.behind_proxy,
    allowedOrigins: server.allowed_origins,
    auth: {
      ...(auth.jwt_secret === "" ? {} : { jwtSecret: auth.jwt_secret }),
      ...(auth.jwks_url === "" ? {} : { jwksUrl: auth.jwks_url }),
      ...(auth.issuer === "" ? {} : { issuer: auth.issuer }),
      ...(auth.audience === "" ? {} : { audience: auth.audience }),
      sessionTtlSecs: auth.session_ttl_secs,
    },
    leases: {
      heartbeatSecs: leases.heartbeat_secs,
      leaseSecs: leases.lease_secs,
      graceSecs: leases.grace_secs,
    },
    limits: { maxAttempts: limits.max_attempts, maxTasks: limits.max_tasks },
    retentionDays: config.worktree.retention_days,
    instanceId,
    log,
  };
}

function portTaken(host: string, first: number, last: number, cause: unknown): CliError {
  const ports = first === last ? `Port ${first}` : `Every port from ${first} to ${last}`;
  return new CliError({
    code: "PORT_TAKEN",
    message: `${ports} of ${host} is taken by another program.`,
    next: [
      "makima up --port 7800",
      "or set server.port in config.toml",
      `who has it: ss -ltnp 'sport = :${first}'`,
    ],
    exit: EXIT.error,
    cause,
  });
}
