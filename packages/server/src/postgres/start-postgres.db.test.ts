import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { Client } from "pg";
import { pino } from "pino";
import { removePostgres, startPostgres, type RunningPostgres } from "./start-postgres.ts";
import { isAlive } from "./postmaster.ts";

const log = pino({ level: "silent" });

async function scratch() {
  const dataDir = await mkdtemp(join(tmpdir(), "mk-pg-"));
  return {
    dataDir,
    [Symbol.asyncDispose]: () => rm(dataDir, { recursive: true, force: true }),
  };
}

async function withClient<T>(running: RunningPostgres, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client(running.connection);
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

test("it listens on a socket that nobody else may reach, on no port, and syncs what is committed", async () => {
  await using place = await scratch();
  const running = await startPostgres({ dataDir: place.dataDir, log });
  try {
    await withClient(running, async (client) => {
      const of = async (name: string) => (await client.query(`show ${name}`)).rows[0][name] as string;
      assert.equal(await of("listen_addresses"), "");
      assert.equal(await of("fsync"), "on");
      assert.equal(await of("synchronous_commit"), "on");
      assert.equal(await of("server_encoding"), "UTF8");
      const { rows } = await client.query("select 'ä' < 'b' as wrong, lower('Ä') as lower");
      assert.deepEqual(rows[0], { wrong: false, lower: "ä" });
    });
    const { mode } = await stat(running.connection.host ?? "");
    assert.equal(mode & 0o077, 0);
    await assert.rejects(startPostgres({ dataDir: place.dataDir, log }), {
      code: "in_use",
      message: new RegExp(`pid ${process.pid}`),
    });
  } finally {
    await removePostgres(running);
  }
});

test("what was committed before the server was killed is there when it is started again", async () => {
  await using place = await scratch();
  let running = await startPostgres({ dataDir: place.dataDir, log });
  try {
    let committed = 0;
    await withClient(running, async (client) => {
      await client.query("create table t (n int primary key)");
      const killer = setTimeout(() => process.kill(running.pid, "SIGKILL"), 150);
      try {
        for (let n = 1; ; n += 1) {
          await client.query("insert into t values ($1)", [n]);
          committed = n;
        }
      } catch {
        clearTimeout(killer);
      }
    });
    assert.ok(committed > 0);
    await running.stop();
    running = await startPostgres({ dataDir: place.dataDir, log });
    assert.equal(running.started, true);
    const { rows } = await withClient(running, (client) =>
      client.query("select count(*)::int as n, max(n) as last from t"),
    );
    assert.ok(
      rows[0].n >= committed && rows[0].n === rows[0].last,
      `${rows[0].n} rows of ${committed} committed`,
    );
  } finally {
    await removePostgres(running);
  }
});

test("a makima that is killed leaves the server running, and the next one takes it over", async () => {
  await using place = await scratch();
  const script = `
    import { startPostgres } from ${JSON.stringify(import.meta.resolve("./start-postgres.ts"))};
    import { pino } from ${JSON.stringify(import.meta.resolve("pino"))};
    const running = await startPostgres({ dataDir: process.argv[1], log: pino({ level: "silent" }) });
    console.log(running.pid);
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", script, place.dataDir], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  child.kill("SIGKILL");
  await exited;
  const running = await startPostgres({ dataDir: place.dataDir, log });
  try {
    assert.equal(running.started, false);
    assert.equal(running.pid, Number(line));
    await withClient(running, (client) => client.query("select 1"));
  } finally {
    await removePostgres(running);
  }
  assert.equal(isAlive(Number(line)), false);
});

test("files that an initdb left when it was killed are made anew", async () => {
  await using place = await scratch();
  const first = await startPostgres({ dataDir: place.dataDir, log });
  const { folder } = first;
  await first.stop();
  await rm(join(folder, "data"), { recursive: true });
  await mkdir(join(folder, "data.new"));
  await writeFile(join(folder, "data.new", "half"), "x");
  await mkdir(join(folder, "data"));
  await writeFile(join(folder, "data", "left"), "x");
  const again = await startPostgres({ dataDir: place.dataDir, log });
  try {
    await withClient(again, (client) => client.query("select 1"));
    const names = await readdir(folder);
    assert.ok(!names.includes("data.new"));
    assert.ok(
      names.some((name) => name.startsWith("data.broken-")),
      "what was there is kept aside",
    );
  } finally {
    await removePostgres(again);
  }
});

test("a mark of a process that is another program by now does not keep it from starting", async () => {
  await using place = await scratch();
  const first = await startPostgres({ dataDir: place.dataDir, log });
  await first.stop();
  await writeFile(
    join(first.folder, "data", "postmaster.pid"),
    `${process.pid}\n/nowhere\n0\n5432\n/nowhere\n\n0 0\nready\n`,
  );
  const again = await startPostgres({ dataDir: place.dataDir, log });
  try {
    assert.equal(again.started, true);
  } finally {
    await removePostgres(again);
  }
});

test("being told to stop while it starts leaves nothing running and nothing held", async () => {
  await using place = await scratch();
  await assert.rejects(startPostgres({ dataDir: place.dataDir, log, signal: AbortSignal.abort() }), {
    name: "AbortError",
  });
  const running = await startPostgres({ dataDir: place.dataDir, log });
  await removePostgres(running);
});
