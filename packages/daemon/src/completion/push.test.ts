import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { takeCheckpoint } from "../checkpoint/take.ts";
import { isGitError } from "../git/error.ts";
import { openStore } from "../git/store.ts";
import { commitAll, git, makeRepository, write } from "../git/testing/repository.ts";
import { ADA, makeWorld, type World } from "../worktree/testing/task.ts";
import { commitLeftovers } from "./commit.ts";
import { deliverBranch } from "./deliver.ts";
import { findMerged, mergeBranch } from "./merge.ts";
import { fetchRef, pushBranch, pushRef } from "./push.ts";

/** A task with one commit in a mirror of `upstream`. */
async function remoteTask(
  t: TestContext,
): Promise<{ world: World; upstream: string; branch: string; commit: string }> {
  const local = await makeWorld(t);
  const upstream = join(dirname(local.folder), "up stream's");
  makeRepository(upstream, { "a.txt": "one\n" });
  const locks = local.locks;
  const repository = { id: "r9", kind: "remote", url: upstream } as const;
  const store = await openStore({
    repository,
    reposDir: join(local.folder, "repos"),
    allowFileUrls: true,
    locks,
  });
  const base = git(upstream, "rev-parse", "main");
  const world: World = {
    ...local,
    store,
    base,
    make: (id, more) => local.make(id, { store, baseCommit: base, ...more }),
  };
  const { tree } = await world.make();
  write(tree.path, { "b.txt": "b\n" });
  const checkpoint = await takeCheckpoint({ tree, message: "end", locks });
  const { commit } = await commitLeftovers({ tree, checkpoint, message: "feat: b", author: ADA, locks });
  return { world, upstream, branch: tree.branch, commit };
}

test("a branch is pushed once, again when it moved, and never over somebody else's commits", async (t) => {
  const { world, upstream, branch, commit } = await remoteTask(t);
  const push = { store: world.store, branch, allowFileUrls: true };
  assert.equal((await pushBranch({ ...push, expected: "absent" })).pushed, true);
  assert.equal(git(upstream, "rev-parse", branch), commit);
  assert.equal((await pushBranch({ ...push, expected: "absent" })).pushed, false);
  const foreign = git(upstream, "commit-tree", "-p", commit, "-m", "theirs", `${commit}^{tree}`);
  git(upstream, "update-ref", `refs/heads/${branch}`, foreign);
  await assert.rejects(pushBranch({ ...push, expected: world.base }), (error) =>
    isGitError(error, "moved_on"),
  );
  assert.equal(git(upstream, "rev-parse", branch), foreign);
});

test("hooks of the store do not run at a push, and a repository without a remote says so", async (t) => {
  const { world, branch } = await remoteTask(t);
  write(world.store.gitDir, { "hooks/pre-push": "#!/bin/sh\nexit 1\n" });
  const { chmodSync } = await import("node:fs");
  chmodSync(join(world.store.gitDir, "hooks/pre-push"), 0o755);
  assert.equal((await pushBranch({ store: world.store, branch, allowFileUrls: true })).pushed, true);
  const local = await makeWorld(t);
  await assert.rejects(pushBranch({ store: local.store, branch: "main" }), (error) => {
    return isGitError(error, "remote_failed") && error.message.includes("git remote add");
  });
});

test("checkpoints travel to another daemon by way of the remote", async (t) => {
  const { world, upstream } = await remoteTask(t);
  const { tree } = await world.make();
  write(tree.path, { "late.txt": "l\n" });
  const one = await takeCheckpoint({ tree, message: "x", locks: world.locks });
  await pushRef({ store: world.store, ref: one.ref, allowFileUrls: true });
  assert.equal(git(upstream, "rev-parse", one.ref), one.commit);
  const repository = { id: "elsewhere", kind: "remote", url: upstream } as const;
  const reposDir = join(world.folder, "repos");
  const there = await openStore({ repository, reposDir, allowFileUrls: true, locks: world.locks });
  assert.equal(await fetchRef({ store: there, ref: one.ref, allowFileUrls: true }), one.commit);
});

test("a merge into a remote's branch is pushed, and found again after a crash", async (t) => {
  const { world, upstream, branch } = await remoteTask(t);
  git(upstream, "switch", "-q", "--detach");
  write(upstream, { "c.txt": "c\n" });
  git(upstream, "add", ".");
  git(upstream, "commit", "-q", "-m", "theirs");
  git(upstream, "branch", "-f", "main");
  const { paths, store, locks } = world;
  const request = {
    paths,
    store,
    locks,
    source: branch,
    target: "main",
    message: "Merge",
    author: ADA,
    allowFileUrls: true,
  };
  assert.equal(await findMerged(request), undefined);
  const merged = await mergeBranch(request);
  assert.equal(merged.how, "merged");
  assert.equal(git(upstream, "rev-parse", "main"), merged.commit);
  assert.equal(git(upstream, "ls-tree", "--name-only", "main"), "a.txt\nb.txt\nc.txt");
  assert.equal(await findMerged(request), merged.commit);
  assert.equal((await mergeBranch(request)).how, "already");
});

test("a branch is delivered into another repository of the host and moves only forward there", async (t) => {
  const world = await makeWorld(t);
  const other = join(world.folder, "other");
  git(world.folder, "clone", "-q", world.repo, other);
  commitAll(other, "of its own");
  const { locks } = world;
  const repository = { id: "o", kind: "local", path: other } as const;
  const to = await openStore({
    repository,
    reposDir: join(world.folder, "repos"),
    allowFileUrls: false,
    locks,
  });
  const { tree } = await world.make();
  write(tree.path, { "b.txt": "b\n" });
  const checkpoint = await takeCheckpoint({ tree, message: "end", locks });
  const done = await commitLeftovers({ tree, checkpoint, message: "feat: b", author: ADA, locks });
  const request = { from: world.store, to, branch: tree.branch };
  assert.equal(await deliverBranch(request), done.commit);
  assert.equal(await deliverBranch(request), done.commit);
  assert.equal(git(other, "show", `${tree.branch}:b.txt`), "b");
  git(other, "fsck", "--connectivity-only");
  const foreign = git(other, "commit-tree", "-p", done.commit, "-m", "theirs", `${done.commit}^{tree}`);
  git(other, "update-ref", `refs/heads/${tree.branch}`, foreign);
  await assert.rejects(deliverBranch(request), (error) => isGitError(error, "moved_on"));
});
