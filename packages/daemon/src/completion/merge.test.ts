import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { takeCheckpoint } from "../checkpoint/take.ts";
import { isGitError } from "../git/error.ts";
import { commitAll, fingerprint, git, read, write } from "../git/testing/repository.ts";
import { ADA, makeWorld, type World } from "../worktree/testing/task.ts";
import { commitLeftovers } from "./commit.ts";
import { findConflicts, findMerged, mergeBranch } from "./merge.ts";

/** A task that changed these files, committed on its branch. */
async function work(world: World, taskId: string, files: Record<string, string>): Promise<string> {
  const { tree } = await world.make(taskId);
  write(tree.path, files);
  const { locks } = world;
  const checkpoint = await takeCheckpoint({ tree, message: "end", locks });
  await commitLeftovers({ tree, checkpoint, message: `feat: ${taskId}`, author: ADA, locks });
  return tree.branch;
}

function request(world: World, source: string, target = "main") {
  const { paths, store, locks } = world;
  return { paths, store, locks, source, target, message: `Merge ${source}`, author: ADA };
}

test("a merge into a branch that nobody has checked out leaves the checkout byte by byte as it was", async (t) => {
  const world = await makeWorld(t);
  git(world.repo, "branch", "release");
  const one = await work(world, "t1", { "b.txt": "b\n" });
  const two = await work(world, "t2", { "c.txt": "c\n" });
  const release = git(world.repo, "rev-parse", "release");
  const first = await mergeBranch(request(world, one, "release"));
  assert.equal(first.how, "fast_forward");
  assert.equal(first.previous, release);
  const before = fingerprint(world.repo);
  const second = await mergeBranch(request(world, two, "release"));
  assert.equal(second.how, "merged");
  assert.deepEqual(second.changedFiles, ["c.txt"]);
  git(world.repo, "update-ref", "refs/heads/release", first.commit, second.commit);
  assert.equal(fingerprint(world.repo), before);
  git(world.repo, "update-ref", "refs/heads/release", second.commit);
  assert.equal(git(world.repo, "ls-tree", "--name-only", "release"), "a.txt\nb.txt\nc.txt");
  assert.equal(await findMerged(request(world, two, "release")), second.commit);
  assert.equal((await mergeBranch(request(world, two, "release"))).how, "already");
});

test("a clean checkout of the target is brought along", async (t) => {
  const world = await makeWorld(t);
  const branch = await work(world, "t1", { "b.txt": "b\n" });
  write(world.repo, { "untracked.txt": "mine" });
  const merged = await mergeBranch(request(world, branch));
  assert.equal(merged.checkout, world.repo);
  assert.equal(read(world.repo, "b.txt"), "b\n");
  assert.equal(git(world.repo, "status", "--porcelain"), "?? untracked.txt");
});

test("a dirty checkout of the target is refused with the command that finishes it by hand", async (t) => {
  const world = await makeWorld(t);
  const branch = await work(world, "t1", { "b.txt": "b\n" });
  write(world.repo, { "a.txt": "mine\n" });
  const before = fingerprint(world.repo);
  await assert.rejects(mergeBranch(request(world, branch)), (error) => {
    assert.ok(isGitError(error, "dirty_checkout"));
    assert.match(error.facts.command ?? "", /^git -C '.*' merge makima\/contract\/t1$/s);
    assert.ok(error.message.endsWith(error.facts.command ?? "?"));
    return true;
  });
  assert.equal(fingerprint(world.repo), before);
});

test("an untracked file in the way is refused and kept", async (t) => {
  const world = await makeWorld(t);
  const branch = await work(world, "t1", { "b.txt": "b\n" });
  write(world.repo, { "b.txt": "mine\n" });
  await assert.rejects(mergeBranch(request(world, branch)), (error) => isGitError(error, "dirty_checkout"));
  assert.equal(read(world.repo, "b.txt"), "mine\n");
  assert.equal(git(world.repo, "rev-parse", "main"), world.base);
});

test("conflicts are named file by file and change nothing", async (t) => {
  const world = await makeWorld(t, { "a.txt": "one\n", "with space.txt": "one\n", "same.txt": "s\n" });
  const branch = await work(world, "t1", { "a.txt": "agent\n", "with space.txt": "agent\n" });
  write(world.repo, { "a.txt": "person\n", "with space.txt": "person\n" });
  commitAll(world.repo, "person's");
  const before = fingerprint(world.repo);
  assert.deepEqual(await findConflicts(request(world, branch)), ["a.txt", "with space.txt"]);
  await assert.rejects(mergeBranch(request(world, branch)), (error) => {
    assert.ok(isGitError(error, "conflict"));
    assert.deepEqual(error.facts.files, ["a.txt", "with space.txt"]);
    return true;
  });
  assert.equal(fingerprint(world.repo), before);
});

test("merge drivers and hooks of the repository's config are not run", async (t) => {
  const world = await makeWorld(t, { "a.txt": "one\ntwo\nthree\n", ".gitattributes": "*.txt merge=evil\n" });
  const marker = join(world.folder, "marker");
  git(world.repo, "config", "merge.evil.driver", `touch "${marker}"`);
  git(world.repo, "config", "core.fsmonitor", `touch "${marker}"`);
  write(world.repo, { ".git/hooks/post-merge": `#!/bin/sh\ntouch "${marker}"\n` });
  git(world.repo, "config", "core.hooksPath", ".git/hooks");
  const branch = await work(world, "t1", { "a.txt": "ONE\ntwo\nthree\n" });
  write(world.repo, { "a.txt": "one\ntwo\nTHREE\n" });
  git(world.repo, "-c", "core.fsmonitor=false", "commit", "-qam", "person's");
  const merged = await mergeBranch(request(world, branch));
  assert.equal(merged.how, "merged");
  assert.equal(read(world.repo, "a.txt"), "ONE\ntwo\nTHREE\n");
  assert.equal(existsSync(marker), false);
});
