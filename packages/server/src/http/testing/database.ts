import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, type PoolConfig } from "pg";
import { pino } from "pino";
import { startPostgres, type RunningPostgres } from "../../postgres/start-postgres.ts";

export interface TestDatabase extends AsyncDisposable {
  connection: PoolConfig;
}

let cluster: { postgres: RunningPostgres; dir: string; users: number } | undefined;

export async function testDatabase(): Promise<TestDatabase> {
  if (!cluster) {
    const dir = await mkdtemp(join(tmpdir(), "makima-test-"));
    cluster = {
      postgres: await startPostgres({ dataDir: dir, log: pino({ level: "silent" }) }),
      dir,
      users: 0,
    };
  }
  const own = cluster;
  own.users += 1;
  const database = `t${randomBytes(6).toString("hex")}`;
  const admin = new Client(own.postgres.connection);
  await admin.connect();
  await admin.query(`create database ${database}`);
  await admin.end();
  return {
    connection: { ...own.postgres.connection, database },
    async [Symbol.asyncDispose]() {
      own.users -= 1;
      if (own.users > 0) return;
      cluster = undefined;
      await own.postgres.stop();
      await rm(own.dir, { recursive: true, force: true });
    },
  };
}
