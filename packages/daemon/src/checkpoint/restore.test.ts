import assert from "node:assert/strict";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isGitError } from "../git/error.ts";
import { commitAll, git, read, write } from "../git/testing/repository.ts";
import { makeWorld } from "../worktree/testing/task.ts";
import { changedFiles, diffText } from "./diff.ts";
import { lastCheckpoint, listCheckpoints, readCheckpoint } from "./record.ts";
import { restoreCheckpoint } from "./restore.ts";
import { takeCheckpoint } from "./take.ts";

test("files come back as they were, and what was there is kept", async (t) => {
  const world = await makeWorld(t, { "a.txt": "one\n", ".gitignore": "ignored\n" });
  const { locks } = world;
  const { tree } = await world.make();
  write(tree.path, { "a.txt": "two\n", "b.txt": "b\n" });
  const one = await takeCheckpoint({ tree, message: "one", locks });
  const head = commitAll(tree.path, "agent's");
  write(tree.path, { "a.txt": "three\n", "c.txt": "c\n", ignored: "stays\n" });
  rmSync(join(tree.path, "b.txt"));
  const { saved } = await restoreCheckpoint({ tree, to: one.ref, locks });
  assert.equal(read(tree.path, "a.txt"), "two\n");
  assert.equal(read(tree.path, "b.txt"), "b\n");
  assert.equal(existsSync(join(tree.path, "c.txt")), false);
  assert.equal(read(tree.path, "ignored"), "stays\n");
  assert.equal(git(tree.path, "rev-parse", "HEAD"), head);
  assert.equal(git(world.repo, "show", `${saved.ref}:c.txt`), "c");
  await restoreCheckpoint({ tree, to: saved.ref, locks });
  assert.equal(read(tree.path, "a.txt"), "three\n");
  assert.equal(existsSync(join(tree.path, "b.txt")), false);
});

test("a file that no checkpoint can hold is not overwritten", async (t) => {
  const world = await makeWorld(t, { "big.txt": "small\n", "a.txt": "one\n" });
  const { locks } = world;
  const { tree } = await world.make();
  write(tree.path, { "a.txt": "two\n" });
  const one = await takeCheckpoint({ tree, message: "one", locks });
  write(tree.path, { "big.txt": "x".repeat(2000), "a.txt": "three\n" });
  await restoreCheckpoint({ tree, to: one.ref, locks, maxFileBytes: 1000 });
  assert.equal(read(tree.path, "a.txt"), "two\n");
  assert.equal(read(tree.path, "big.txt").length, 2000);
  write(tree.path, { "big.txt": "small but new\n" });
  const two = await takeCheckpoint({ tree, message: "two", locks });
  write(tree.path, { "big.txt": "y".repeat(2000) });
  await takeCheckpoint({ tree, message: "three", locks, maxFileBytes: 1000 });
  const back = restoreCheckpoint({ tree, to: two.ref, locks, maxFileBytes: 1000 });
  await assert.rejects(back, (error) => {
    return isGitError(error, "snapshot_failed") && (error.facts.files ?? []).join() === "big.txt";
  });
  assert.equal(read(tree.path, "big.txt").length, 2000);
});

test("an ignored file in the way of a checkpoint is not overwritten", async (t) => {
  const world = await makeWorld(t);
  const { locks } = world;
  const { tree } = await world.make();
  write(tree.path, { "out.txt": "tracked then\n" });
  const one = await takeCheckpoint({ tree, message: "one", locks });
  rmSync(join(tree.path, "out.txt"));
  write(tree.path, { ".gitignore": "out.txt\n" });
  await takeCheckpoint({ tree, message: "two", locks });
  writeFileSync(join(tree.path, "out.txt"), "precious\n");
  await assert.rejects(restoreCheckpoint({ tree, to: one.ref, locks }), (error) =>
    isGitError(error, "snapshot_failed"),
  );
  assert.equal(read(tree.path, "out.txt"), "precious\n");
});

test("what a checkpoint was is read back from git alone", async (t) => {
  const world = await makeWorld(t);
  const { locks } = world;
  const { tree } = await world.make();
  write(tree.path, { "b.txt": "b\n" });
  const head = commitAll(tree.path, "agent's");
  const at = new Date("2026-01-02T03:04:05Z");
  const one = await takeCheckpoint({ tree, message: "first line\n\nmore", at, locks });
  const found = await readCheckpoint(world.store.gitDir, one.ref);
  assert.deepEqual(found, {
    n: 1,
    ref: one.ref,
    commit: one.commit,
    tree: one.tree,
    head,
    message: "first line\n\nmore",
    at,
    nested: "",
  });
  for (let n = 2; n <= 11; n += 1) await takeCheckpoint({ tree, message: "", locks });
  assert.deepEqual(
    (await listCheckpoints(world.store.gitDir, "t1")).map(({ n }) => n),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
  );
  assert.equal((await lastCheckpoint(world.store.gitDir, "t1"))?.n, 11);
  assert.equal(
    git(
      world.repo,
      "rev-list",
      "--count",
      "--first-parent",
      "refs/makima/checkpoints/t1/11",
      `^${world.base}`,
    ),
    "11",
  );
});

test("a diff names files, counts lines and is cut off at a line's end", async (t) => {
  const world = await makeWorld(t, { "a.txt": "one\n", "gone.txt": "g\n" });
  const { locks } = world;
  const { tree } = await world.make();
  rmSync(join(tree.path, "gone.txt"));
  write(tree.path, { "a.txt": "one\ntwo\n", 'with "quote".txt': "q\n" });
  writeFileSync(join(tree.path, "binary"), Buffer.from([0, 1, 2]));
  const { commit: to } = await takeCheckpoint({ tree, message: "x", locks });
  const range = { gitDir: world.store.gitDir, from: world.base, to };
  assert.deepEqual(await changedFiles(range), [
    { path: "a.txt", insertions: 1, deletions: 0 },
    { path: "binary", insertions: undefined, deletions: undefined },
    { path: "gone.txt", insertions: 0, deletions: 1 },
    { path: 'with "quote".txt', insertions: 1, deletions: 0 },
  ]);
  const whole = await diffText(range);
  assert.equal(whole.truncated, false);
  assert.match(whole.text, /^\+two$/m);
  const some = await diffText({ ...range, paths: ["a.txt"] });
  assert.doesNotMatch(some.text, /gone/);
  const cut = await diffText({ ...range, maxBytes: 100 });
  assert.equal(cut.truncated, true);
  assert.ok(cut.text.endsWith("\n") && cut.text.length <= 100);
});
