import assert from "node:assert/strict";

import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { commitAll, fingerprint, git, makeRepository, write } from "../git/testing/repository.ts";
import { makeWorld, type World } from "../worktree/testing/task.ts";
import type { TaskTree } from "../worktree/task-tree.ts";
import { statusSummary } from "../git/status-summary.ts";
import { takeCheckpoint } from "./take.ts";

const take = (world: World, tree: TaskTree, message = "x") =>
  takeCheckpoint({ tree, message, locks: world.locks });

function files(world: World, name: string): string[] {
  return git(world.repo, "ls-tree", "-r", "--name-only", "-z", name)
    .split("\0")
    .filter((path) => path !== "");
}

test("the agent's HEAD, index, branch and the person's checkout are byte by byte as they were", async (t) => {
  const world = await makeWorld(t);
  const { tree } = await world.make();
  write(tree.path, { "staged.txt": "s\n", "a.txt": "changed\n" });
  git(tree.path, "add", "staged.txt");
  const before = [
    fingerprint(tree.path),
    fingerprint(world.repo),
    readFileSync(join(tree.path, ".git/index")).toString("hex"),
  ];
  await take(world, tree);
  assert.deepEqual(
    [
      fingerprint(tree.path),
      fingerprint(world.repo),
      readFileSync(join(tree.path, ".git/index")).toString("hex"),
    ],
    before,
  );
});

test("a nested repository is a snapshot of its own, with its commits and what it has not committed", async (t) => {
  const world = await makeWorld(t);
  const { tree } = await world.make();
  const nested = makeRepository(join(tree.path, "sub dir/nested"), { "n.txt": "n\n" });
  const head = git(nested, "rev-parse", "HEAD");
  write(nested, { "open.txt": "not committed\n" });
  mkdirSync(join(tree.path, "unborn"));
  git(join(tree.path, "unborn"), "init", "-q");
  write(tree.path, { "unborn/u.txt": "u\n" });
  const one = await take(world, tree);
  const refs = git(world.repo, "for-each-ref", "--format=%(refname)", "refs/makima/nested").split("\n");
  assert.deepEqual(refs, ["refs/makima/nested/t1/1/1", "refs/makima/nested/t1/1/2"]);
  const all = refs.map((ref) => files(world, ref).join()).sort();
  assert.deepEqual(all, ["n.txt,open.txt", "u.txt"]);
  assert.ok(git(world.repo, "log", "--format=%H", ...refs).includes(head));
  assert.equal(one.changedSinceLast, true);
  const two = await takeCheckpoint({ tree, message: "y", locks: world.locks, skipUnchanged: true });
  assert.equal(two.created, false);
});

test("a repository that the agent committed as a submodule stays one", async (t) => {
  const world = await makeWorld(t);
  const { tree } = await world.make();
  const nested = makeRepository(join(tree.path, "nested"), { "n.txt": "n\n" });
  git(tree.path, "add", ".");
  git(tree.path, "commit", "-q", "-m", "with a submodule");
  const one = await take(world, tree);
  const tracked = git(world.repo, "ls-tree", one.ref, "nested");
  assert.equal(tracked, `160000 commit ${git(nested, "rev-parse", "HEAD")}\tnested`);
  write(nested, { "n.txt": "changed\n" });
  const two = await take(world, tree);
  assert.equal(two.changedSinceLast, true);
  assert.equal(git(world.repo, "show", "refs/makima/nested/t1/2/1:n.txt"), "changed");
});

test("what the agent committed by force although it is ignored stays committed", async (t) => {
  const world = await makeWorld(t, { "a.txt": "one\n", ".gitignore": "dist\n" });
  const { tree } = await world.make();
  write(tree.path, { "dist/out.js": "1\n", "dist/other.js": "2\n" });
  git(tree.path, "add", "-f", "dist/out.js");
  git(tree.path, "commit", "-q", "-m", "forced");
  const one = await take(world, tree);
  assert.deepEqual(files(world, one.ref), [".gitignore", "a.txt", "dist/out.js"]);
  rmSync(join(tree.path, "dist/out.js"));
  const two = await take(world, tree);
  assert.deepEqual(files(world, two.ref), [".gitignore", "a.txt"]);
});

test("branches and stashes that the agent made are kept too", async (t) => {
  const world = await makeWorld(t);
  const { tree } = await world.make();
  git(tree.path, "switch", "-q", "-c", "side");
  write(tree.path, { "side.txt": "s\n" });
  const side = commitAll(tree.path, "side");
  git(tree.path, "switch", "-q", tree.branch);
  write(tree.path, { "a.txt": "stashed\n" });
  git(tree.path, "stash", "-q");
  const stash = git(tree.path, "rev-parse", "stash");
  await take(world, tree);
  for (const id of [side, stash])
    assert.equal(git(world.repo, "rev-parse", `refs/makima/agent/t1/${id}`), id);
});

test("what a killed snapshot left behind does not stop the next one", async (t) => {
  const world = await makeWorld(t);
  const { tree } = await world.make();
  write(tree.path, { "b.txt": "b\n" });
  writeFileSync(join(tree.gitDir, "index.lock"), "half");
  assert.equal((await take(world, tree)).n, 1);
  writeFileSync(join(tree.gitDir, "index"), "DIRC half an index");
  assert.equal((await take(world, tree)).changedSinceLast, false);
  rmSync(join(tree.gitDir, "index"));
  const three = await take(world, tree);
  assert.equal(three.n, 3);
  assert.equal(three.changedSinceLast, false);
});

test("a worktree that is gone is an error that says so", async (t) => {
  const world = await makeWorld(t);
  const { tree } = await world.make();
  renameSync(tree.path, join(world.folder, "moved"));
  await assert.rejects(take(world, tree), { code: "worktree_gone" });
});

test("the status for the prompt names branch and files", async (t) => {
  const world = await makeWorld(t);
  const { tree } = await world.make();
  assert.deepEqual(await statusSummary({ tree }), { branch: tree.branch, status: "clean" });
  write(tree.path, { "a.txt": "changed\n", "b.txt": "b\n" });
  assert.equal((await statusSummary({ tree })).status, "2 files not committed: M a.txt, A b.txt");
  assert.equal(
    (await statusSummary({ tree, maxFiles: 1 })).status,
    "2 files not committed: M a.txt, and 1 more",
  );
});
