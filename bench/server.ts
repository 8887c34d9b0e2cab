/** A real server in a process of its own, on a database of its own; both end with the figure. */
import { once } from "node:events";
import { existsSync, openSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join, resolve } from "node:path";
import { Pool } from "pg";
import { pino } from "pino";
import type { CallOf } from "@makima/protocol/api/route";
import type { routes } from "@makima/protocol/api/routes";
import { createClient, type Client } from "@makima/client/rest";
import { removePostgres, startPostgres } from "@makima/server/postgres/start-postgres";
import { start } from "./child.ts";
import type { Bench } from "./figure.ts";
import type { LoopDelay } from "./loop-probe.ts";

const MAIN = resolve(import.meta.dirname, "../packages/cli/src/main.ts");
const PROBE = join(import.meta.dirname, "loop-probe.ts");
/** The machine that the fake daemons say they are on. */
export const HOST = "bench-host";

export interface BenchServer {
  url: string;
  key: string;
  client: Client;
  /** Connections to the same database, for references; `max` at a time. */
  pool(max: number): Pool;
  /** Delays of the server's event loop since the last call. */
  loop(): Promise<LoopDelay>;
}

export async function startServer(bench: Bench): Promise<BenchServer> {
  const postgres = await startPostgres({
    dataDir: join(bench.folder, "database"),
    log: pino({ level: "silent" }),
  });
  bench.stack.defer(() => removePostgres(postgres));
  const { host, user, database } = postgres.connection;
  const data = join(bench.folder, "server");
  const log = openSync(join(bench.folder, "server.log"), "a");
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  // To profile the server: BENCH_NODE_FLAGS="--cpu-prof --cpu-prof-dir=/tmp/prof" npm run bench -- p2
  const more = process.env["BENCH_NODE_FLAGS"]?.split(" ") ?? [];
  const flags = ["--disable-warning=ExperimentalWarning", "--import", PROBE, ...more];
  const child = start(
    bench,
    process.execPath,
    [...flags, MAIN, "server", "--port", String(port), "--data-dir", data],
    {
      cwd: bench.folder,
      env: {
        PATH: process.env["PATH"],
        HOME: bench.folder,
        DATABASE_URL: `postgres://${user}@localhost/${database}?host=${encodeURIComponent(String(host))}`,
        MAKIMA_LIMITS_MAX_TASKS: "100000",
        MAKIMA_LOGGING_FORMAT: "json",
        MAKIMA_LOGGING_LEVEL: "warn",
      },
      stdio: ["ignore", log, log, "ipc"],
    },
  );
  const said = () => readFileSync(join(bench.folder, "server.log"), "utf8").slice(-3000);
  const alive = () => {
    if (child.exitCode !== null) throw new Error(`The server ended with ${child.exitCode}:\n${said()}`);
  };
  await answers(url, alive);
  const key = await ownKey(join(data, "local-key.json"), alive);
  const client = createClient({ url, key });
  return {
    url,
    key,
    client,
    pool(max) {
      const pool = new Pool({ ...postgres.connection, max });
      pool.on("error", () => undefined);
      pool.on("connect", (connection) => connection.on("error", () => undefined));
      bench.stack.defer(() => pool.end());
      return pool;
    },
    async loop() {
      const told = once(child, "message");
      child.send("loop");
      const [delay] = (await told) as [LoopDelay];
      return delay;
    },
  };
}

/** The owner's key, which the server writes a moment after it listens. */
async function ownKey(path: string, check: () => void): Promise<string> {
  while (!existsSync(path)) {
    check();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return (JSON.parse(readFileSync(path, "utf8")) as { key: string }).key;
}

/** A contract with one task of the simulated agent, on the fake daemons' machine. */
export const CONTRACT: CallOf<typeof routes.createContract>["body"] = {
  goal: "Be measured.",
  contractType: "single",
  repositories: [{ kind: "local", path: "/nonexistent", hostId: HOST }],
  task: { agent: "sim" },
};

/** Resolves when `GET /healthz` answers; looks every `everyMs`. `check` may throw to give up. */
export async function answers(url: string, check: () => void = () => undefined, everyMs = 5): Promise<void> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    check();
    const ok = await fetch(`${url}/healthz`).then(
      async (response) => {
        await response.arrayBuffer();
        return response.ok;
      },
      () => false,
    );
    if (ok) return;
    if (performance.now() > deadline) throw new Error(`${url} did not answer within a minute.`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}
