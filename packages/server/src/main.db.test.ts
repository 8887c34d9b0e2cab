import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import { Client } from "pg";
import { pino } from "pino";
import { connectDaemon } from "./http/testing/fake-daemon.ts";
import { assertProblem, serverOptions, startTestServer } from "./http/testing/running-server.ts";
import { startServer } from "./main.ts";
import { startPostgres } from "./postgres/start-postgres.ts";
import { emptyDatabase, testDatabase } from "./testing/test-database.ts";

// Before the database's own: hooks run in the order in which they are set.
after(() => database[Symbol.asyncDispose]());
const database = await testDatabase();

test("a server makes its tables, says that it is ready, and stops", async () => {
  const empty = await emptyDatabase();
  const server = await startServer(serverOptions(empty));
  const ready = await fetch(`${server.url}/readyz`);
  assert.deepEqual(await ready.json(), { status: "ready" });
  const health = (await (await fetch(`${server.url}/healthz`)).json()) as Record<string, unknown>;
  assert.equal(health["status"], "ok");
  await server.close();
  await server.close();
  await assert.rejects(fetch(`${server.url}/healthz`));
  await empty[Symbol.asyncDispose]();
});

test("a second server on the same database refuses to start and says so; after the first it may", async () => {
  const first = await startServer(serverOptions(database));
  await assert.rejects(startServer(serverOptions(database)), {
    code: "OTHER_SERVER",
    message: /Another makima server works on this database/,
  });
  await first.close();
  const second = await startServer(serverOptions(database));
  await second.close();
});

test("a server does not bind beyond loopback without TLS in front", async () => {
  for (const host of ["0.0.0.0", "::", "192.168.1.5"]) {
    await assert.rejects(startServer({ ...serverOptions(database), host }), { code: "UNSAFE_OPTIONS" });
  }
  const behind = await startServer({
    ...serverOptions(database),
    host: "0.0.0.0",
    behindProxy: true,
    publicUrl: "https://makima.example",
  });
  assert.equal((await fetch(`http://127.0.0.1:${behind.port}/healthz`)).status, 200);
  await behind.close();
});

test("a token that anybody could make is no setting", async () => {
  const options = serverOptions(database);
  const jwksUrl = "https://login.example/keys";
  await assert.rejects(startServer({ ...options, auth: { jwtSecret: "short" } }), /32 characters/);
  await assert.rejects(startServer({ ...options, auth: { jwksUrl } }), /issuer/);
});

test("a port that is taken is an error, and the database is free again", async () => {
  const first = await startServer(serverOptions(database));
  const other = await testDatabase();
  await assert.rejects(startServer({ ...serverOptions(other), port: first.port }), { code: "EADDRINUSE" });
  const second = await startServer(serverOptions(other));
  await second.close();
  await first.close();
  await other[Symbol.asyncDispose]();
});

test("daemons are told that the server shuts down", async () => {
  const server = await startTestServer();
  const daemon = await connectDaemon(server);
  const closing = server.server.close();
  assert.equal((await daemon.socket.next("refused"))["reason"], "shuttingDown");
  await daemon.socket.closed();
  await closing;
  await server.database[Symbol.asyncDispose]();
});

test("an open event stream does not hold up the server's end", async () => {
  // Were the stream waited for, the end would come only after ten minutes.
  const server = await startTestServer({ timing: { drainMs: 600_000 } });
  const stream = await server.call("GET", "/events");
  await server.server.close();
  await stream.text();
  await server.database[Symbol.asyncDispose]();
});

test("when its lock's connection is cut the server takes the lock again", async () => {
  const server = await startServer(serverOptions(database));
  const { rows } = await sql`select pg_terminate_backend(pid) from pg_stat_activity
    where application_name = 'makima lock' and datname = current_database()`.execute(server.deps.db);
  assert.equal(rows.length, 1);
  await until(async () => (await fetch(`${server.url}/readyz`)).status === 503);
  await until(async () => (await fetch(`${server.url}/readyz`)).status === 200);
  await server.close();
});

test("while the database is away requests are DB_UNAVAILABLE; the server recovers by itself", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "mk-outage-"));
  const log = pino({ level: "silent" });
  const postgres = await startPostgres({ dataDir, log });
  const options = { ...serverOptions(database), database: postgres.connection };
  const server = await startServer(options);
  assert.equal((await fetch(`${server.url}/readyz`)).status, 200);
  await postgres.stop();
  await until(async () => (await fetch(`${server.url}/readyz`)).status === 503);
  assert.equal((await fetch(`${server.url}/healthz`)).status, 200);
  const away = await fetch(`${server.url}/api/v1/contracts`, { headers: { authorization: "Bearer mk_x" } });
  assert.ok(away.headers.get("retry-after"));
  await assertProblem(away, "DB_UNAVAILABLE");
  const again = await startPostgres({ dataDir, log });
  await until(async () => (await fetch(`${server.url}/readyz`)).status === 200);
  const back = await fetch(`${server.url}/api/v1/contracts`, { headers: { authorization: "Bearer mk_x" } });
  await assertProblem(back, "UNAUTHORIZED");
  await server.close();
  await again.stop();
  await rm(dataDir, { recursive: true, force: true });
});

test("a server whose lock another one took serves nothing until it has the lock again", async () => {
  const server = await startServer(serverOptions(database));
  const thief = new Client(database.connection);
  await thief.connect();
  const cut = `select pg_terminate_backend(pid) from pg_stat_activity
    where application_name = 'makima lock' and datname = current_database()`;
  await thief.query(cut);
  // Whoever asks the moment it is free has it.
  while (
    !(await thief.query("select pg_try_advisory_lock($1, $2) as got", [0x6d616b69, 0x6d61])).rows[0].got
  ) {
    await thief.query(cut);
  }
  await until(async () => (await fetch(`${server.url}/readyz`)).status === 503);
  await assertProblem(await fetch(`${server.url}/api/v1/contracts`), "DB_UNAVAILABLE");
  await thief.end();
  await until(async () => (await fetch(`${server.url}/readyz`)).status === 200);
  await server.close();
});

test("kill -9 of a server leaves its database free for the next one", async () => {
  const script = `
    import { pino } from "pino";
    import { startServer } from ${JSON.stringify(join(import.meta.dirname, "main.ts"))};
    await startServer({ ...${JSON.stringify({ ...serverOptions(database), log: undefined })}, log: pino({ level: "silent" }) });
    console.log("up");`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
    cwd: import.meta.dirname,
  });
  for await (const _ of child.stdout) break;
  await assert.rejects(startServer(serverOptions(database)), { code: "OTHER_SERVER" });
  child.kill("SIGKILL");
  let server;
  await until(async () => {
    server = await startServer(serverOptions(database)).catch(() => undefined);
    return server !== undefined;
  });
  await (server as unknown as { close(): Promise<void> }).close();
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await sleep(10);
}
