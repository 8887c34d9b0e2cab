import assert from "node:assert/strict";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { isGitError } from "./error.ts";
import { KeyedLock } from "./keyed-lock.ts";
import { openStore, resolveBase, type StoreRequest } from "./store.ts";
import { commitAll, git, makeRepository, temporaryFolder, write } from "./testing/repository.ts";

function remote(t: TestContext): { folder: string; upstream: string; request: StoreRequest } {
  const folder = temporaryFolder(t);
  // An address cannot have a line end in it.
  const upstream = makeRepository(join(dirname(folder), "up stream's"));
  const repository = { id: "r1", kind: "remote", url: upstream } as const;
  const request = {
    repository,
    reposDir: join(folder, "repos"),
    allowFileUrls: true,
    locks: new KeyedLock(),
  };
  return { folder, upstream, request };
}

test("a remote repository becomes a bare mirror that follows it and keeps makima's own refs", async (t) => {
  const { upstream, request } = remote(t);
  const store = await openStore(request);
  assert.deepEqual(await resolveBase(store), { commit: git(upstream, "rev-parse", "main"), branch: "main" });
  const base = git(upstream, "rev-parse", "HEAD");
  git(store.gitDir, "update-ref", "refs/makima/checkpoints/t1/1", base);
  git(store.gitDir, "update-ref", "refs/heads/makima/x", base);
  git(upstream, "branch", "soon-gone");
  await openStore(request);
  git(upstream, "branch", "-D", "soon-gone");
  write(upstream, { "b.txt": "b\n" });
  const next = commitAll(upstream, "second");
  await openStore(request);
  assert.equal((await resolveBase(store, "main")).commit, next);
  assert.deepEqual(git(store.gitDir, "for-each-ref", "--format=%(refname)").split("\n"), [
    "refs/heads/makima/x",
    "refs/makima/checkpoints/t1/1",
    "refs/remotes/origin/HEAD",
    "refs/remotes/origin/main",
  ]);
});

test("a mirror that was half made when the daemon was killed is made anew", async (t) => {
  const { request } = remote(t);
  const half = join(request.reposDir, "r1.git.new");
  mkdirSync(join(half, "objects"), { recursive: true });
  writeFileSync(join(half, "HEAD"), "ref: refs/hea");
  const store = await openStore(request);
  assert.equal((await resolveBase(store)).branch, "main");
  assert.equal(existsSync(half), false);
});

test("two who open one mirror at a time get the same", async (t) => {
  const { request } = remote(t);
  const [one, two] = await Promise.all([openStore(request), openStore(request)]);
  assert.deepEqual(one, two);
});

test("a remote that cannot be reached says so, with a command to try", async (t) => {
  const { folder, request } = remote(t);
  const url = join(dirname(folder), "nowhere");
  await assert.rejects(openStore({ ...request, repository: { id: "r2", kind: "remote", url } }), (error) => {
    return isGitError(error, "remote_failed") && (error.facts.command ?? "").startsWith("git ls-remote ");
  });
  assert.equal(existsSync(join(request.reposDir, "r2.git")), false);
});

test("a file address is refused unless it is configured", async (t) => {
  const { request } = remote(t);
  await assert.rejects(openStore({ ...request, allowFileUrls: false }), (error) =>
    isGitError(error, "unsafe_url"),
  );
});

test("a managed repository is made once, with a first commit", async (t) => {
  const folder = temporaryFolder(t);
  const repository = { id: "m1", kind: "managed" } as const;
  const request = {
    repository,
    reposDir: join(folder, "repos"),
    allowFileUrls: false,
    locks: new KeyedLock(),
  };
  const store = await openStore(request);
  const base = await resolveBase(store);
  assert.equal(base.branch, "main");
  assert.equal((await resolveBase(await openStore(request))).commit, base.commit);
  assert.equal(git(store.gitDir, "ls-tree", "main"), "");
});

test("a base that does not exist is named", async (t) => {
  const { request } = remote(t);
  const store = await openStore(request);
  await assert.rejects(resolveBase(store, "nothing"), (error) => isGitError(error, "no_such_revision"));
});

test("a local repository is its own store, also from a linked worktree", async (t) => {
  const folder = temporaryFolder(t);
  const repo = makeRepository(join(folder, "repo"));
  git(repo, "worktree", "add", "-q", "-b", "other", join(folder, "linked"));
  const locks = new KeyedLock();
  const repository = { id: "r1", kind: "local", path: join(folder, "linked") } as const;
  const store = await openStore({ repository, reposDir: join(folder, "repos"), allowFileUrls: false, locks });
  assert.equal(store.gitDir, join(repo, ".git"));
  assert.equal(store.checkout, join(folder, "linked"));
  assert.equal((await resolveBase(store, "other")).branch, "other");
});
