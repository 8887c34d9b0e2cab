import assert from "node:assert/strict";
import { mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isGitError } from "./error.ts";
import { inspectRepository } from "./inspect.ts";
import { git, makeRepository, temporaryFolder, write } from "./testing/repository.ts";

test("a repository is seen from its top, a subfolder and a linked worktree", async (t) => {
  const folder = temporaryFolder(t);
  const repo = makeRepository(join(folder, "repo"), { "sub/a.txt": "a\n" });
  git(repo, "remote", "add", "origin", "https://example.com/a.git");
  const linked = join(folder, "linked");
  git(repo, "worktree", "add", "-q", "-b", "other", linked);
  const top = await inspectRepository(repo);
  assert.equal(top.topLevel, repo);
  assert.equal(top.gitDir, join(repo, ".git"));
  assert.equal(top.commonDir, join(repo, ".git"));
  assert.equal(top.branch, "main");
  assert.equal(top.head, git(repo, "rev-parse", "HEAD"));
  assert.equal(top.dirty, false);
  assert.deepEqual(top.remotes, [{ name: "origin", url: "https://example.com/a.git" }]);
  assert.deepEqual(await inspectRepository(join(repo, "sub")), top);
  const other = await inspectRepository(linked);
  assert.equal(other.topLevel, linked);
  assert.equal(other.commonDir, join(repo, ".git"));
  assert.equal(other.branch, "other");
});

test("a detached HEAD has a commit and no branch", async (t) => {
  const repo = makeRepository(join(temporaryFolder(t), "repo"));
  git(repo, "switch", "-q", "--detach");
  const found = await inspectRepository(repo);
  assert.equal(found.branch, undefined);
  assert.equal(found.head.length, 40);
});

test("a changed file makes it dirty, an untracked one does not, and looking writes nothing", async (t) => {
  const repo = makeRepository(join(temporaryFolder(t), "repo"));
  write(repo, { "untracked.txt": "x" });
  assert.equal((await inspectRepository(repo)).dirty, false);
  write(repo, { "a.txt": "changed\n" });
  const index = readFileSync(join(repo, ".git/index"));
  const { mtimeNs } = statSync(join(repo, ".git/index"), { bigint: true });
  assert.equal((await inspectRepository(repo)).dirty, true);
  assert.deepEqual(readFileSync(join(repo, ".git/index")), index);
  assert.equal(statSync(join(repo, ".git/index"), { bigint: true }).mtimeNs, mtimeNs);
});

test("no repository and no commit are named as such, with the next step", async (t) => {
  const folder = temporaryFolder(t);
  await assert.rejects(inspectRepository(folder), (error) => {
    return isGitError(error, "not_a_repository") && error.message.endsWith("git init");
  });
  const empty = join(folder, "empty");
  mkdirSync(empty);
  git(empty, "init", "-q");
  await assert.rejects(inspectRepository(empty), (error) => {
    return isGitError(error, "no_commit") && error.message.includes("--allow-empty");
  });
});

test("a bare repository has no checkout", async (t) => {
  const folder = temporaryFolder(t);
  const repo = makeRepository(join(folder, "repo"));
  git(folder, "clone", "-q", "--bare", repo, "bare.git");
  const found = await inspectRepository(join(folder, "bare.git"));
  assert.equal(found.topLevel, undefined);
  assert.equal(found.dirty, false);
});
