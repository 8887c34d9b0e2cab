import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readAgentRefs } from "./agent-refs.ts";
import { alternatesVariable, hasOnlyAlternates, writeAlternates } from "./alternates.ts";
import { isGitError } from "./error.ts";
import { KeyedLock } from "./keyed-lock.ts";
import { isBranchName, moveRefs, readRef } from "./refs.ts";
import { commitAll, git, makeRepository, temporaryFolder } from "./testing/repository.ts";

test("names that git would read otherwise are no branch names", () => {
  for (const name of ["main", "makima/a-b/c_1", "ünïcode", "a.b"])
    assert.equal(isBranchName(name), true, name);
  for (const name of [
    "",
    "-x",
    "HEAD",
    "@",
    "a..b",
    "a b",
    "a~1",
    "a:b",
    "a\nb",
    "a//b",
    "/a",
    "a/",
    ".a",
    "a.lock",
    "a/.b",
    "@{-1}",
    "a*",
  ]) {
    assert.equal(isBranchName(name), false, name);
  }
});

test("refs move together or not at all", async (t) => {
  const repo = makeRepository(join(temporaryFolder(t), "repo"));
  const gitDir = join(repo, ".git");
  const one = git(repo, "rev-parse", "HEAD");
  const two = commitAll(repo, "two");
  await moveRefs(gitDir, [
    { ref: "refs/heads/a", to: one, from: "absent" },
    { ref: "refs/makima/x", to: one, from: "any" },
  ]);
  const wrong = moveRefs(gitDir, [
    { ref: "refs/makima/x", to: two, from: one },
    { ref: "refs/heads/a", to: two, from: "absent" },
  ]);
  await assert.rejects(wrong, (error) => isGitError(error, "moved_on"));
  await assert.rejects(moveRefs(gitDir, [{ ref: "refs/heads/a", to: two, from: two }]), (error) =>
    isGitError(error, "moved_on"),
  );
  assert.equal(await readRef(gitDir, "refs/makima/x"), one);
  await moveRefs(gitDir, [{ ref: "refs/heads/a", to: undefined, from: one }]);
  assert.equal(await readRef(gitDir, "refs/heads/a"), undefined);
});

test("refs of an agent's repository are read as git reads them, loose and packed", async (t) => {
  const repo = makeRepository(join(temporaryFolder(t), "repo"));
  git(repo, "branch", "packed");
  git(repo, "pack-refs", "--all");
  const head = commitAll(repo, "two");
  git(repo, "branch", "deep/loose");
  const refs = await readAgentRefs(join(repo, ".git"));
  assert.equal(refs?.head, head);
  assert.equal(refs?.headBranch, "main");
  const expected = git(repo, "for-each-ref", "--format=%(refname) %(objectname)").split("\n");
  assert.deepEqual([...(refs?.refs ?? [])].map(([ref, id]) => `${ref} ${id}`).sort(), expected.sort());
  git(repo, "switch", "-q", "--detach");
  assert.equal((await readAgentRefs(join(repo, ".git")))?.headBranch, undefined);
});

test("links in an agent's git directory are not followed", async (t) => {
  const folder = temporaryFolder(t);
  const repo = makeRepository(join(folder, "repo"));
  const other = makeRepository(join(folder, "other"), { secret: "s" });
  mkdirSync(join(folder, "linked"));
  symlinkSync(join(other, ".git"), join(folder, "linked", ".git"));
  assert.equal(await readAgentRefs(join(folder, "linked", ".git")), undefined);
  symlinkSync(join(other, ".git/refs/heads"), join(repo, ".git/refs/heads/far"));
  symlinkSync(join(other, ".git/refs/heads/main"), join(repo, ".git/refs/heads/near"));
  writeFileSync(join(repo, ".git/refs/heads/junk"), "not an id");
  assert.deepEqual([...((await readAgentRefs(join(repo, ".git")))?.refs.keys() ?? [])], ["refs/heads/main"]);
});

test("an object store is trusted only with the alternates that makima wrote", async (t) => {
  const folder = temporaryFolder(t);
  const repo = makeRepository(join(folder, "repo"));
  const gitDir = join(repo, ".git");
  const allowed = join(folder, 'with "quote"\nand line', "objects");
  assert.equal(await hasOnlyAlternates(gitDir, [allowed]), true);
  await writeAlternates(gitDir, [allowed]);
  assert.equal(await hasOnlyAlternates(gitDir, [allowed]), true);
  assert.equal(await hasOnlyAlternates(gitDir, [join(folder, "other")]), false);
});

test("paths with colons, quotes and line ends reach git as one object store", async (t) => {
  const folder = temporaryFolder(t);
  const repo = makeRepository(join(folder, "a:b"));
  const other = makeRepository(join(folder, "other"), { x: "x" });
  const id = git(repo, "rev-parse", "HEAD");
  const { gitText } = await import("./git.ts");
  const env = { GIT_ALTERNATE_OBJECT_DIRECTORIES: alternatesVariable([join(repo, ".git/objects")]) };
  assert.equal(await gitText(["cat-file", "-t", id], { gitDir: join(other, ".git"), env }), "commit");
});

test("work of one key runs in order and an abort gives up the place", async () => {
  const lock = new KeyedLock();
  const seen: string[] = [];
  const first = await lock.acquire("a");
  const controller = new AbortController();
  const gaveUp = lock.run("a", async () => void seen.push("never"), controller.signal);
  const second = lock.run("a", async () => void seen.push("second"));
  await lock.run("b", async () => void seen.push("other key"));
  controller.abort(new Error("enough"));
  await assert.rejects(gaveUp, /enough/);
  seen.push("first ends");
  first();
  await second;
  assert.deepEqual(seen, ["other key", "first ends", "second"]);
});
