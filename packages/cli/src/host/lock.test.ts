import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { scratch } from "../run/testing/scratch-repository.ts";
import { acquireLock, readHolder } from "./lock.ts";

const HOLDER = fileURLToPath(new URL("testing/hold-lock.ts", import.meta.url));

async function holdElsewhere(file: string) {
  const child = spawn(process.execPath, [HOLDER, file], { stdio: ["pipe", "pipe", "inherit"] });
  const [said] = (await once(child.stdout, "data")) as [Buffer];
  const kill = async () => {
    child.kill("SIGKILL");
    await once(child, "exit");
  };
  return { pid: child.pid, said: said.toString(), kill };
}

test("one process has the lock; others learn which", async () => {
  using folder = scratch("folder");
  const file = join(folder.path, "deep", "up.lock");
  const other = await holdElsewhere(file);
  assert.equal(other.said, "held\n");
  const mine = acquireLock(file);
  assert.ok(!("lock" in mine));
  assert.equal(mine.holder?.pid, other.pid);
  await other.kill();
});

test("a process that is killed frees the lock, and is no longer named", async () => {
  using folder = scratch("folder");
  const file = join(folder.path, "up.lock");
  const other = await holdElsewhere(file);
  await other.kill();
  assert.equal(readHolder(file), undefined);
  const mine = acquireLock(file);
  assert.ok("lock" in mine);
  assert.equal(readHolder(file)?.pid, process.pid);
  const third = await holdElsewhere(file);
  assert.equal(third.said, "refused\n");
  await third.kill();
  mine.lock.release();
  mine.lock.release();
  assert.equal(existsSync(`${file}.holder`), false);
});
