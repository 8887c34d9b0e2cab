import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { after, test } from "node:test";
import { isRunning } from "@makima/daemon/process/identity";
import { removePostgres, startPostgres } from "@makima/server/postgres/start-postgres";
import pino from "pino";
import { makima, startMakima, type RunningMakima } from "../run/testing/makima.ts";
import { scratch } from "../run/testing/scratch-repository.ts";
import { pathsOf } from "./paths.ts";
import { readServerFile, type ServerFile } from "./server-file.ts";

// One data folder, and so one database, for all: making one takes seconds.
const home = scratch("folder", "makima-up-");
const dataDir = join(home.path, "data");
const paths = pathsOf({ env: { HOME: home.path }, cwd: home.path, dataDir });
const env = { HOME: home.path, MAKIMA_DATA_DIR: dataDir, MAKIMA_SERVER_PORT: "0", NO_COLOR: "1" };
const options = { env, cwd: home.path };

after(async () => {
  await makima(["down"], options);
  await removePostgres(await startPostgres({ dataDir: paths.databaseDir, log: pino({ level: "silent" }) }));
  home[Symbol.dispose]();
});

/** Starts `makima up` and waits for the address that it prints when it is ready. */
async function up(...flags: string[]): Promise<{ running: RunningMakima; file: ServerFile }> {
  const running = startMakima(["up", ...flags], options);
  await running.line("http://");
  return { running, file: readServerFile(paths) ?? assert.fail("no server.json") };
}

test("up serves until Ctrl-C; a second one finds it, with its process; status tells of it", async () => {
  const { running, file } = await up();
  assert.equal(statSync(paths.serverFile).mode & 0o777, 0o600);
  const second = await makima(["up", "--json"], options);
  assert.equal(second.code, 0);
  assert.deepEqual(JSON.parse(second.stdout), { ...file, started: false });
  const human = await makima(["up"], options);
  assert.match(human.stderr, new RegExp(`runs already: ${file.url} \\(process ${file.pid}`));
  const status = JSON.parse((await makima(["status", "--json"], options)).stdout) as {
    server: { pid: number };
    daemons: { connected: boolean }[];
  };
  assert.equal(status.server.pid, file.pid);
  assert.deepEqual(
    status.daemons.map((daemon) => daemon.connected),
    [true],
  );
  running.kill("SIGINT");
  const { code, stderr } = await running.ended;
  assert.equal(code, 130);
  assert.match(stderr, /agents are checkpointed first/);
  assert.equal(existsSync(paths.serverFile), false);
});

test("a killed one leaves nothing in the way: the next takes over, and the person's key stays good", async () => {
  const { running, file } = await up("--no-daemon");
  const key = readFileSync(paths.localKeyFile, "utf8");
  running.kill("SIGKILL");
  await running.ended;
  assert.ok(existsSync(paths.serverFile), "nobody was left to remove it");
  assert.equal((await makima(["status"], options)).code, 7);
  const next = await up("--no-daemon");
  assert.notEqual(next.file.instanceId, file.instanceId);
  const kept = JSON.parse(readFileSync(paths.localKeyFile, "utf8")) as { key: string; url: string };
  assert.equal(kept.key, (JSON.parse(key) as { key: string }).key);
  assert.equal(kept.url, next.file.url);
  assert.equal((await makima(["status"], options)).code, 0);
  const down = await makima(["down", "--json"], options);
  assert.deepEqual(JSON.parse(down.stdout), { stopped: true, pid: next.file.pid });
  assert.equal((await next.running.ended).code, 0);
  assert.equal(isRunning(next.file), false);
  assert.deepEqual(JSON.parse((await makima(["down", "--json"], options)).stdout), {
    stopped: false,
    pid: null,
  });
});

test("two that start one in the background share it; it ends by itself when nothing needs it", async () => {
  const starts = await Promise.all(
    [1, 2].map(() => makima(["up", "-d", "--no-daemon", "--idle-exit", "1", "--json"], options)),
  );
  const files = starts.map(({ stdout, stderr }) => {
    assert.notEqual(stdout, "", stderr);
    return JSON.parse(stdout) as ServerFile;
  });
  assert.equal(files[0]?.pid, files[1]?.pid);
  const { pid, startTime } = files[0] ?? assert.fail();
  const gone = Promise.withResolvers<void>();
  const timer = setInterval(() => {
    if (!isRunning({ pid, startTime })) gone.resolve();
  }, 50);
  await gone.promise;
  clearInterval(timer);
  assert.equal(existsSync(paths.serverFile), false);
});

test("a port that another program has is passed over, and that is said aloud", async () => {
  const other = createServer();
  other.listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  const { running, file } = await up("--no-daemon", "--port", String(port));
  assert.notEqual(new URL(file.url).port, String(port));
  running.kill("SIGTERM");
  const { code, stderr } = await running.ended;
  other.close();
  assert.equal(code, 0);
  assert.match(stderr, new RegExp(`port ${port} is taken by another program`));
});

test("what fails at the start is told with its reason, and leaves the folder free", async () => {
  const broken = { ...options, env: { ...env, MAKIMA_DATABASE_URL: "postgres://127.0.0.1:9/none" } };
  const { code, stderr, stdout } = await makima(["up", "-d", "--json"], broken);
  assert.deepEqual([code, stdout], [1, ""]);
  const problem = JSON.parse(stderr) as { code: string; detail: string };
  assert.equal(problem.code, "START_FAILED");
  assert.match(problem.detail, /127\.0\.0\.1:9|ECONNREFUSED|database/);
  assert.equal(existsSync(paths.serverFile), false);
});
