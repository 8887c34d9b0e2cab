import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { KeyedLock } from "../git/keyed-lock.ts";
import { openStore } from "../git/store.ts";
import {
  commitAll,
  fingerprint,
  git,
  makeRepository,
  temporaryFolder,
  write,
} from "../git/testing/repository.ts";
import { createWorktree } from "../worktree/create.ts";
import { takeCheckpoint } from "./take.ts";

test("a checkpoint holds edits, new files and the agent's commits", async (t) => {
  const folder = temporaryFolder(t);
  const repo = makeRepository(join(folder, "repo"), { "a.txt": "one\n", ".gitignore": "ignored\n" });
  const locks = new KeyedLock();
  const store = await openStore({
    repository: { id: "r1", kind: "local", path: repo },
    reposDir: join(folder, "repos"),
    allowFileUrls: false,
    locks,
  });
  const before = fingerprint(repo);
  const paths = { worktreesDir: join(folder, "trees"), stateDir: join(folder, "state") };
  const { tree, notes } = await createWorktree({
    paths,
    taskId: "t1",
    store,
    branch: "makima/c/t-1",
    baseCommit: git(repo, "rev-parse", "HEAD"),
    baseBranch: "main",
    isolation: "clone",
    copyFiles: [],
    dependencies: "auto",
  });
  assert.deepEqual(notes, []);
  assert.equal(git(tree.path, "status", "--porcelain"), "");
  assert.equal(git(tree.path, "branch", "--show-current"), "makima/c/t-1");
  write(tree.path, { "a.txt": "two\n", "new/b.txt": "b\n", ignored: "x", "progress.log": "log" });
  const one = await takeCheckpoint({ tree, message: "hello", locks });
  assert.deepEqual(one.omitted, []);
  assert.equal(git(repo, "ls-tree", "-r", "--name-only", one.ref), ".gitignore\na.txt\nnew/b.txt");
  assert.deepEqual(one.changedSinceBase, { files: 2, insertions: 2, deletions: 1 });
  assert.equal(one.changedSinceLast, true);
  const commit = commitAll(tree.path, "work");
  const two = await takeCheckpoint({ tree, message: "again", locks, skipUnchanged: true });
  assert.equal(two.head, commit);
  assert.equal(two.changedSinceLast, false);
  assert.equal(two.created, true);
  assert.equal(git(repo, "rev-parse", "makima/c/t-1"), commit);
  const three = await takeCheckpoint({ tree, message: "again", locks, skipUnchanged: true });
  assert.equal(three.created, false);
  assert.equal(three.n, 2);
  assert.equal(fingerprint(repo), before);
  git(repo, "fsck", "--strict");
});
