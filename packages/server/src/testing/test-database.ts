/** A migrated database of its own for a test, on one PostgreSQL that all tests of a process share. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { randomBytes } from "node:crypto";
import { Client, type PoolConfig } from "pg";
import { pino } from "pino";
import { removePostgres, startPostgres } from "../postgres/start-postgres.ts";
import { migrate } from "../store/migrate.ts";
import { openDatabase } from "../store/open.ts";

/** Set by scripts/test.ts, so that all test files share one server. */
const DATABASE_URL = "MAKIMA_TEST_DATABASE_URL";
const TEMPLATE = "makima_template";
/** One maker of the template at a time. */
const LOCK = 0x7e57;

export interface TestDatabase extends AsyncDisposable {
  connection: PoolConfig;
  name: string;
}

const quiet = pino({ level: "silent" });
let template: Promise<PoolConfig> | undefined;

/** Dropped when it is disposed of, with whatever is still connected to it. */
export async function testDatabase(): Promise<TestDatabase> {
  const base = await (template ??= prepare());
  const name = `makima_test_${randomBytes(6).toString("hex")}`;
  await query(base, `create database ${name} template ${TEMPLATE}`);
  return {
    connection: on(base, name),
    name,
    [Symbol.asyncDispose]: () => query(base, `drop database if exists ${name} with (force)`),
  };
}

/** A database without tables. */
export async function emptyDatabase(): Promise<TestDatabase> {
  const base = await (template ??= prepare());
  const name = `makima_test_${randomBytes(6).toString("hex")}`;
  await query(base, `create database ${name}`);
  return {
    connection: on(base, name),
    name,
    [Symbol.asyncDispose]: () => query(base, `drop database if exists ${name} with (force)`),
  };
}

/** The server's address, with the template in place. */
async function prepare(): Promise<PoolConfig> {
  const url = process.env[DATABASE_URL];
  const base = url ? fromUrl(url) : await startOwn();
  const client = new Client(base);
  await client.connect();
  try {
    await client.query("select pg_advisory_lock($1)", [LOCK]);
    const { rows } = await client.query("select from pg_database where datname = $1", [TEMPLATE]);
    if (rows.length === 0) await makeTemplate(client, base);
  } finally {
    await client.end();
  }
  return base;
}

async function makeTemplate(client: Client, base: PoolConfig): Promise<void> {
  const fresh = `${TEMPLATE}_new`;
  await client.query(`drop database if exists ${fresh}`);
  await client.query(`create database ${fresh}`);
  const opened = await openDatabase({ connection: on(base, fresh), log: quiet, poolSize: 1 });
  try {
    await migrate(opened.db);
  } finally {
    await opened[Symbol.asyncDispose]();
  }
  await client.query(`alter database ${fresh} rename to ${TEMPLATE}`);
}

async function startOwn(): Promise<PoolConfig> {
  const dataDir = await mkdtemp(join(tmpdir(), "mk-test-"));
  const running = await startPostgres({ dataDir, log: quiet });
  ownPid = running.pid;
  removeOwn = async () => {
    ownPid = undefined;
    await removePostgres(running);
    await rm(dataDir, { recursive: true, force: true });
  };
  return running.connection;
}

let removeOwn: (() => Promise<void>) | undefined;
let ownPid: number | undefined;
// A process that ends in the middle has no time to wait; its server must not stay behind all the same.
process.once("exit", () => {
  if (ownPid === undefined) return;
  try {
    process.kill(ownPid, "SIGINT");
  } catch {
    // Stopped already.
  }
});
// Said when this file is loaded: in a test it would end with that test.
after(() => removeOwn?.());

function on(base: PoolConfig, database: string): PoolConfig {
  return { ...base, database };
}

/** As parts, so that the database can be another one. */
function fromUrl(text: string): PoolConfig {
  const url = new URL(text);
  return {
    host: url.searchParams.get("host") ?? url.hostname,
    port: Number(url.port || 5432),
    user: decodeURIComponent(url.username),
    ...(url.password ? { password: decodeURIComponent(url.password) } : {}),
    database: url.pathname.slice(1) || "postgres",
  };
}

async function query(connection: PoolConfig, text: string): Promise<void> {
  const client = new Client(connection);
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}
