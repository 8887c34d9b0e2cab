import assert from "node:assert/strict";
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { startTimeOf } from "@makima/daemon/process/identity";
import { loadConfig } from "../config/load.ts";
import { fakeServer } from "../run/testing/fake-server.ts";
import { scratch } from "../run/testing/scratch-repository.ts";
import { storeKey } from "./credentials.ts";
import { findServer } from "./find-server.ts";
import { writeLocalKeys } from "./local-key.ts";
import { pathsOf } from "./paths.ts";
import { localServer, readServerFile, removeServerFile, writeServerFile } from "./server-file.ts";
import { stopLocal } from "./stop-local.ts";

function place(env: Record<string, string> = {}) {
  const folder = scratch("folder");
  const all = { HOME: folder.path, ...env };
  const paths = pathsOf({ env: all, cwd: folder.path });
  const find = (overrides = {}) =>
    findServer({ paths, loaded: loadConfig({ paths, env: all, cwd: folder.path, overrides }) });
  return { paths, find, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

const HEALTH = { status: "ok", version: "0.1.0", instanceId: "right", uptimeSecs: 1 } as const;
const own = () => ({ pid: process.pid, startTime: startTimeOf(process.pid) ?? "", version: "0.1.0" });

test("server.json is believed only while its address answers with its instance", async () => {
  using at = place();
  await using server = await fakeServer({ health: () => HEALTH });
  assert.equal(await at.find(), undefined);
  writeServerFile(at.paths, { url: server.url, instanceId: "wrong", ...own() });
  assert.equal((await localServer(at.paths))?.state, "silent");
  assert.equal(await at.find(), undefined);
  writeServerFile(at.paths, { url: server.url, instanceId: "right", ...own() });
  writeLocalKeys(at.paths, { url: server.url, key: "mine", daemonKey: "d" });
  const found = await at.find();
  assert.deepEqual([found?.url, found?.key, found?.source], [server.url, "mine", "local"]);
  assert.equal(statSync(at.paths.serverFile).mode & 0o777, 0o600);
  assert.equal(statSync(at.paths.localKeyFile).mode & 0o777, 0o600);
});

test("a file of a process that is gone, or whose number is another's now, is neither used nor signalled", async () => {
  using at = place();
  const gone = { url: "http://127.0.0.1:9", instanceId: "i", version: "0.1.0" };
  writeServerFile(at.paths, { ...gone, pid: process.pid, startTime: "an earlier process" });
  assert.equal((await localServer(at.paths))?.state, "gone");
  // This very process would be ended if its number alone counted.
  assert.equal(await stopLocal(at.paths, 1000, () => assert.fail("nothing is to be stopped")), undefined);
  assert.equal(readServerFile(at.paths), undefined);
});

test("a damaged server.json counts as none, and another instance's is left alone", async () => {
  using at = place();
  writeServerFile(at.paths, { url: "http://127.0.0.1:9", instanceId: "theirs", ...own() });
  removeServerFile(at.paths, "mine");
  assert.equal(readServerFile(at.paths)?.instanceId, "theirs");
  writeFileSync(at.paths.serverFile, "{");
  assert.equal(await localServer(at.paths), undefined);
});

test("the local key is sent to its own address only", async () => {
  using at = place();
  writeLocalKeys(at.paths, { url: "http://127.0.0.1:7717", key: "local", daemonKey: "d" });
  const elsewhere = await at.find({ "server.url": "https://elsewhere.example" });
  assert.deepEqual([elsewhere?.key, elsewhere?.source], [undefined, "named"]);
  storeKey(at.paths, "https://elsewhere.example/", "stored", new Date(0));
  assert.equal((await at.find({ "server.url": "wss://elsewhere.example" }))?.key, "stored");
  storeKey(at.paths, "https://elsewhere.example", undefined, new Date(0));
  assert.equal((await at.find({ "server.url": "wss://elsewhere.example" }))?.key, undefined);
});

test("a key in the environment wins and is said to; one in the user's file stays with that file's server", async () => {
  using at = place({ MAKIMA_API_KEY: "from-env" });
  const named = await at.find({ "server.url": "http://h:1" });
  assert.deepEqual([named?.key, named?.keyFrom], ["from-env", "MAKIMA_API_KEY"]);
  using other = place();
  mkdirSync(other.paths.configDir, { recursive: true });
  writeFileSync(other.paths.configFile, '[server]\nurl = "http://mine:1"\napi_key = "mine"\n');
  assert.equal((await other.find())?.key, "mine");
  assert.equal((await other.find({ "server.url": "http://other:1" }))?.key, undefined);
});

test("an address that is none is a usage error that says how to write one", async () => {
  using at = place();
  await assert.rejects(at.find({ "server.url": "ftp://x" }), { code: "BAD_CONFIG", exit: 2 });
});
