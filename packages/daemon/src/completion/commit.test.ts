import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { takeCheckpoint } from "../checkpoint/take.ts";
import { isGitError } from "../git/error.ts";
import { commitAll, fingerprint, git, write } from "../git/testing/repository.ts";
import { ADA, makeWorld, type World } from "../worktree/testing/task.ts";
import type { TaskTree } from "../worktree/task-tree.ts";
import { commitLeftovers } from "./commit.ts";

async function finish(world: World, tree: TaskTree) {
  const { locks } = world;
  const checkpoint = await takeCheckpoint({ tree, message: "end", locks });
  return commitLeftovers({ tree, checkpoint, message: "feat: do it\n\nbody", author: ADA, locks });
}

test("what the agent left uncommitted becomes one commit on top of its own", async (t) => {
  const world = await makeWorld(t);
  const { tree } = await world.make();
  write(tree.path, { "b.txt": "b\n" });
  const own = commitAll(tree.path, "agent's");
  write(tree.path, { "c.txt": "c\n" });
  const before = fingerprint(world.repo);
  const done = await finish(world, tree);
  assert.equal(done.created, true);
  assert.deepEqual(done.changedFiles, ["b.txt", "c.txt"]);
  assert.deepEqual(done.notes, []);
  assert.equal(git(world.repo, "rev-parse", `${tree.branch}^`), own);
  assert.equal(
    git(world.repo, "log", "-1", "--format=%an <%ae> %s", tree.branch),
    "Ada <ada@example.com> feat: do it",
  );
  assert.equal(fingerprint(world.repo), before);
  assert.equal(git(tree.path, "status", "--porcelain"), "");
  assert.equal(git(tree.path, "rev-parse", "HEAD"), done.commit);
  git(tree.path, "fsck");
});

test("nothing left to commit makes no commit", async (t) => {
  const world = await makeWorld(t);
  const { tree } = await world.make();
  write(tree.path, { "b.txt": "b\n" });
  const own = commitAll(tree.path, "agent's");
  const done = await finish(world, tree);
  assert.equal(done.created, false);
  assert.equal(done.commit, own);
});

test("a second call after a crash makes no second commit", async (t) => {
  const world = await makeWorld(t);
  const { tree } = await world.make();
  write(tree.path, { "b.txt": "b\n" });
  const { locks } = world;
  const checkpoint = await takeCheckpoint({ tree, message: "end", locks });
  const request = { tree, checkpoint, message: "feat: do it", author: ADA, locks };
  const first = await commitLeftovers(request);
  const second = await commitLeftovers(request);
  assert.equal(second.commit, first.commit);
  assert.equal(second.created, false);
  assert.equal(git(world.repo, "rev-list", "--count", `${world.base}..${tree.branch}`), "1");
});

test("a branch that somebody else moved is refused and left as it is", async (t) => {
  const world = await makeWorld(t);
  const { tree } = await world.make();
  write(tree.path, { "b.txt": "b\n" });
  const foreign = git(world.repo, "commit-tree", "-p", world.base, "-m", "mine", `${world.base}^{tree}`);
  git(world.repo, "update-ref", `refs/heads/${tree.branch}`, foreign);
  await assert.rejects(finish(world, tree), (error) => isGitError(error, "moved_on"));
  assert.equal(git(world.repo, "rev-parse", tree.branch), foreign);
});

test("a branch that the person has checked out is not moved under their feet", async (t) => {
  const world = await makeWorld(t);
  const { tree } = await world.make();
  write(tree.path, { "b.txt": "b\n" });
  git(world.repo, "switch", "-q", tree.branch);
  await assert.rejects(finish(world, tree), (error) => isGitError(error, "dirty_checkout"));
  assert.equal(git(world.repo, "status", "--porcelain"), "");
});

test("the files are committed even when the agent destroyed its .git", async (t) => {
  const world = await makeWorld(t);
  const { tree } = await world.make();
  write(tree.path, { "b.txt": "b\n" });
  rmSync(join(tree.path, ".git"), { recursive: true });
  const done = await finish(world, tree);
  assert.deepEqual(done.changedFiles, ["b.txt"]);
  assert.equal(done.notes.length, 1);
});

test("a task that continues in a linked worktree finds it clean", async (t) => {
  const world = await makeWorld(t);
  const { tree } = await world.make("t2", { isolation: "worktree" });
  write(tree.path, { "b.txt": "b\n" });
  const done = await finish(world, tree);
  assert.equal(git(tree.path, "rev-parse", "HEAD"), done.commit);
  assert.equal(git(tree.path, "status", "--porcelain"), "");
});
