import assert from "node:assert/strict";
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { takeCheckpoint } from "../checkpoint/take.ts";
import { git, read, write } from "../git/testing/repository.ts";
import { prepareCheck, type PrepareCheck } from "./check-checkout.ts";
import type { TaskTree } from "./task-tree.ts";
import { makeWorld, type World } from "./testing/task.ts";

const FILES = { "a.txt": "one\n", ".gitignore": "node_modules\n.venv\n", "package-lock.json": "1\n" };

async function request(
  world: World,
  tree: TaskTree,
  more: Partial<PrepareCheck> = {},
): Promise<PrepareCheck> {
  const { commit } = await takeCheckpoint({ tree, message: "x", locks: world.locks });
  const { locks, store } = world;
  const checksDir = join(world.folder, "checks");
  return {
    checksDir,
    repositoryId: "r1",
    store,
    commit,
    task: tree,
    dependencies: "auto",
    hasSetup: false,
    locks,
    ...more,
  };
}

test("it holds exactly the commit's files, whatever the last check left", async (t) => {
  const world = await makeWorld(t, FILES);
  const { tree } = await world.make();
  write(tree.path, { "b.txt": "b\n", "d/c.txt": "c\n" });
  const first = await prepareCheck(await request(world, tree));
  assert.equal(read(first.path, "b.txt"), "b\n");
  assert.equal(git(first.path, "status", "--porcelain", "--ignored"), "");
  assert.equal(first.dependencies, "none");
  write(first.path, {
    "left.txt": "l\n",
    "a.txt": "changed\n",
    "node_modules/x": "ignored",
    "nested/.git/HEAD": "x",
  });
  rmSync(join(first.path, "d"), { recursive: true });
  git(first.path, "config", "core.fsmonitor", "touch /nonexistent/x");
  await first[Symbol.asyncDispose]();
  rmSync(join(tree.path, "b.txt"));
  await using second = await prepareCheck(await request(world, tree));
  assert.deepEqual(readdirSync(second.path).sort(), [
    ".git",
    ".gitignore",
    "a.txt",
    "d",
    "package-lock.json",
  ]);
  assert.equal(read(second.path, "a.txt"), "one\n");
  assert.equal(read(second.path, "d/c.txt"), "c\n");
});

test("dependencies come from the source checkout while the lockfile is unchanged, else from the task", async (t) => {
  const world = await makeWorld(t, FILES);
  write(world.repo, { "node_modules/left/index.js": "source" });
  const { tree } = await world.make();
  write(tree.path, { "node_modules/left/index.js": "dirty" });
  const first = await prepareCheck(await request(world, tree));
  assert.equal(first.dependencies, "copied from source");
  assert.equal(read(first.path, "node_modules/left/index.js"), "source");
  await first[Symbol.asyncDispose]();
  write(tree.path, { "package-lock.json": "2\n" });
  const second = await prepareCheck(await request(world, tree));
  assert.equal(second.dependencies, "copied from task");
  assert.equal(read(second.path, "node_modules/left/index.js"), "dirty");
  await second[Symbol.asyncDispose]();
  await using none = await prepareCheck(await request(world, tree, { dependencies: "none" }));
  assert.equal(none.dependencies, "none");
  assert.equal(existsSync(join(none.path, "node_modules")), false);
});

test("copied dependencies stay warm for the same task only", async (t) => {
  const world = await makeWorld(t, FILES);
  write(world.repo, { "node_modules/left/index.js": "source" });
  const { tree } = await world.make();
  const other = (await world.make("t2")).tree;
  const first = await prepareCheck(await request(world, tree));
  writeFileSync(join(first.path, "node_modules/left/cache"), "warm");
  await first[Symbol.asyncDispose]();
  const second = await prepareCheck(await request(world, tree));
  assert.equal(read(second.path, "node_modules/left/cache"), "warm");
  await second[Symbol.asyncDispose]();
  await using third = await prepareCheck(await request(world, other));
  assert.equal(existsSync(join(third.path, "node_modules/left/cache")), false);
  assert.equal(read(third.path, "node_modules/left/index.js"), "source");
});

test("with a setup command nothing is copied, and what it installed stays while the lockfile does", async (t) => {
  const world = await makeWorld(t, FILES);
  write(world.repo, { "node_modules/left/index.js": "source" });
  const { tree } = await world.make();
  const first = await prepareCheck(await request(world, tree, { hasSetup: true }));
  assert.equal(first.dependencies, "setup");
  assert.equal(existsSync(join(first.path, "node_modules")), false);
  write(first.path, { "node_modules/installed": "by setup" });
  await first[Symbol.asyncDispose]();
  const second = await prepareCheck(await request(world, tree, { hasSetup: true }));
  assert.equal(read(second.path, "node_modules/installed"), "by setup");
  await second[Symbol.asyncDispose]();
  write(tree.path, { "package-lock.json": "2\n" });
  await using third = await prepareCheck(await request(world, tree, { hasSetup: true }));
  assert.equal(existsSync(join(third.path, "node_modules")), false);
});

test("an environment that names its own path is left out with a note", async (t) => {
  const world = await makeWorld(t, FILES);
  write(world.repo, { ".venv/pyvenv.cfg": "home = /usr" });
  const { tree } = await world.make();
  await using check = await prepareCheck(await request(world, tree));
  assert.equal(existsSync(join(check.path, ".venv")), false);
  assert.match(check.notes.join(), /\.venv was left out/);
});

test("one check at a time; a waiting one can give up", async (t) => {
  const world = await makeWorld(t, FILES);
  const { tree } = await world.make();
  const first = await prepareCheck(await request(world, tree));
  const controller = new AbortController();
  const waiting = prepareCheck(await request(world, tree, { signal: controller.signal }));
  controller.abort(new Error("enough"));
  await assert.rejects(waiting, /enough/);
  const next = prepareCheck(await request(world, tree));
  await first[Symbol.asyncDispose]();
  await (await next)[Symbol.asyncDispose]();
});

test("a checkout that a killed daemon left in any state is made right", async (t) => {
  const world = await makeWorld(t, FILES);
  const { tree } = await world.make();
  const home = join(world.folder, "checks/r1");
  await (await prepareCheck(await request(world, tree)))[Symbol.asyncDispose]();
  writeFileSync(join(home, "git/index.lock"), "half");
  writeFileSync(join(home, "git/index"), "DIRC half");
  writeFileSync(join(home, "kept.json"), "{");
  rmSync(join(home, "checkout/a.txt"));
  await using check = await prepareCheck(await request(world, tree));
  assert.equal(read(check.path, "a.txt"), "one\n");
});
