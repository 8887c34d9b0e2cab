/** Checks of the server: does it answer, does its database, is its port free. */
import { rmSync } from "node:fs";
import { createServer } from "node:net";
import { createClient } from "@makima/client/rest";
import { routes } from "@makima/protocol/api/routes";
import { MAKIMA_VERSION } from "@makima/protocol/version";
import { localServer } from "../host/server-file.ts";
import type { Check, DoctorFacts } from "./check.ts";

export const reachable: Check = {
  id: "server",
  group: "Server",
  title: "server",
  async probe({ context, server }, signal) {
    if (!server) {
      const local = await localServer(context.paths, signal);
      if (local?.state === "silent") {
        return {
          state: "error",
          detail: `process ${local.file.pid} runs, but does not answer at ${local.file.url}`,
          fix: ["makima down, then makima up", `see ${context.paths.logDir}`],
        };
      }
      if (local?.state === "gone") {
        return {
          state: "info",
          detail: "not running; the last one ended without saying so",
          repair: () => rmSync(context.paths.serverFile, { force: true }),
        };
      }
      return { state: "info", detail: "not running; makima up starts it" };
    }
    const began = performance.now();
    const client = createClient({ url: server.url, key: server.key, signal });
    try {
      const health = await client.call(routes.health, {}, { retry: false, timeoutMs: 5000 });
      const took = Math.max(1, Math.round(performance.now() - began));
      if (health.version === MAKIMA_VERSION)
        return { state: "ok", detail: `${server.url}, ${took} ms, same version` };
      return {
        state: "warning",
        detail: `${server.url} is ${health.version}, this is ${MAKIMA_VERSION}`,
        fix: ["makima down && makima up, or install the same version on both"],
      };
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      const fix =
        server.source === "named"
          ? [`check the address: it comes from ${server.where}`]
          : ["makima down && makima up"];
      return { state: "error", detail, fix };
    }
  },
};

export const signedIn: Check = {
  id: "server-key",
  group: "Server",
  title: "key",
  async probe({ server }, signal) {
    if (!server) return { state: "info", detail: "made when the server first starts" };
    if (server.key === undefined)
      return { state: "error", detail: `none for ${server.url}`, fix: [`makima login ${server.url}`] };
    try {
      const me = await createClient({ url: server.url, key: server.key, signal }).call(
        routes.whoami,
        {},
        { retry: false },
      );
      return { state: "ok", detail: `${me.ownerName}, from ${server.keyFrom ?? "?"}` };
    } catch (error) {
      return {
        state: "error",
        detail: error instanceof Error ? error.message : String(error),
        fix: [`makima login ${server.url}`, `the key in use comes from ${server.keyFrom ?? "nowhere"}`],
      };
    }
  },
};

export const database: Check = {
  id: "database",
  group: "Server",
  title: "database",
  async probe({ context, server }, signal) {
    if (server) {
      try {
        await createClient({ url: server.url, key: server.key, signal }).call(
          routes.ready,
          {},
          { retry: false },
        );
        return { state: "ok", detail: "answers, migrations current" };
      } catch (error) {
        return {
          state: "error",
          detail: error instanceof Error ? error.message : String(error),
          fix: [`see the server's log in ${context.paths.logDir}`],
        };
      }
    }
    if (context.config.server.database_url !== "")
      return { state: "info", detail: "your own (server.database_url); looked at when the server starts" };
    return await embedded(context.env);
  },
};

async function embedded(env: NodeJS.ProcessEnv) {
  try {
    const { findBinaries } = await import("@makima/server/postgres/binaries");
    const { packaged, bin } = await findBinaries(env);
    const detail = packaged
      ? `PostgreSQL ${packaged.version}, brought along`
      : `PostgreSQL of this system, in ${bin}`;
    return { state: "ok", detail } as const;
  } catch (error) {
    const detail = error instanceof Error ? (error.message.split(". ")[0] ?? "") : String(error);
    return {
      state: "error",
      detail,
      fix: [
        "npm ci --include=optional, where makima is installed",
        "or set server.database_url to a PostgreSQL 15 or newer",
      ],
    } as const;
  }
}

export const port: Check = {
  id: "port",
  group: "Server",
  title: "port",
  async probe(facts) {
    const { host, port: wanted } = facts.context.config.server;
    if (facts.server?.source === "local")
      return { state: "ok", detail: `in use by makima: ${new URL(facts.server.url).port}` };
    const refusal = await tryPort(host, wanted);
    if (refusal === undefined) return { state: "ok", detail: `${host}:${wanted} is free` };
    if (refusal === "EADDRINUSE") {
      return {
        state: "warning",
        detail: `${host}:${wanted} is taken by another program; makima up takes the next free one`,
        fix: ["name another: makima up --port 7800, or server.port in config.toml"],
      };
    }
    return {
      state: "error",
      detail: `${host}:${wanted} cannot be used (${refusal})`,
      fix: ["name another: server.host and server.port in config.toml"],
    };
  },
} satisfies Check & { probe(facts: DoctorFacts): unknown };

function tryPort(host: string, wanted: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen(wanted, host, () => server.close(() => resolve(undefined)));
  });
}
