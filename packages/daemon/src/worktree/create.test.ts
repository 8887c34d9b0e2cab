import assert from "node:assert/strict";
import { chmodSync, existsSync, lstatSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { commitLeftovers } from "../completion/commit.ts";
import { takeCheckpoint } from "../checkpoint/take.ts";
import { isGitError } from "../git/error.ts";
import { inspectRepository } from "../git/inspect.ts";
import {
  commitAll,
  fingerprint,
  git,
  makeRepository,
  read,
  temporaryFolder,
  write,
} from "../git/testing/repository.ts";
import { readRecord, writeRecord } from "./task-tree.ts";
import { ADA, makeWorld, worldOf } from "./testing/task.ts";

test("a worktree has its branch, its own refs, stash, index and config, and no remote", async (t) => {
  const world = await makeWorld(t);
  git(world.repo, "remote", "add", "origin", "https://example.com/a.git");
  git(world.repo, "tag", "v1");
  write(world.repo, { "a.txt": "stashed\n" });
  git(world.repo, "stash");
  const before = fingerprint(world.repo);
  const { tree, created } = await world.make();
  assert.equal(created, true);
  assert.equal(git(tree.path, "remote"), "");
  assert.equal(git(tree.path, "stash", "list"), "");
  assert.equal(git(tree.path, "status", "--porcelain", "--branch"), "## makima/contract/t1");
  assert.equal(
    git(tree.path, "rev-parse", "main", "origin/main", "v1^{commit}"),
    Array(3).fill(world.base).join("\n"),
  );
  assert.equal(
    git(world.repo, "rev-parse", "refs/makima/base/t1", "makima/contract/t1"),
    `${world.base}\n${world.base}`,
  );
  git(tree.path, "update-ref", "-d", "refs/remotes/origin/main");
  git(tree.path, "config", "user.name", "Agent");
  assert.equal(fingerprint(world.repo), before);
  git(tree.path, "fsck");
});

test("making it again finds it, with what the agent did in it", async (t) => {
  const world = await makeWorld(t);
  const { tree } = await world.make();
  write(tree.path, { "a.txt": "agent\n" });
  const again = await world.make();
  assert.equal(again.created, false);
  assert.deepEqual(again.tree, tree);
  assert.equal(read(tree.path, "a.txt"), "agent\n");
});

test("a branch that exists in the store is refused, and the store stays as it was", async (t) => {
  const world = await makeWorld(t);
  git(world.repo, "branch", "makima/contract/t1");
  await assert.rejects(world.make(), (error) => isGitError(error, "branch_exists"));
  assert.equal(git(world.repo, "for-each-ref", "refs/makima"), "");
  assert.equal(existsSync(join(world.paths.worktreesDir, "t1")), false);
  assert.equal((await world.make("t1", { reuseBranch: true })).created, true);
});

test("a folder in the way that makima does not know is left alone", async (t) => {
  const world = await makeWorld(t);
  for (const isolation of ["clone", "worktree"] as const) {
    const path = join(world.paths.worktreesDir, isolation);
    write(path, { "precious.txt": "mine" });
    await assert.rejects(world.make(isolation, { isolation }), (error) => isGitError(error, "path_taken"));
    assert.equal(read(path, "precious.txt"), "mine");
  }
});

test("killed at any step, the next call makes it whole", async (t) => {
  const world = await makeWorld(t, { "a.txt": "one\n", "d/b.txt": "b\n" });
  for (const isolation of ["clone", "worktree"] as const) {
    const steps: ((path: string, gitDir: string) => void)[] = [
      // Nothing but the record and the branch.
      (path, gitDir) => [path, gitDir].forEach((folder) => rmSync(folder, { recursive: true })),
      // Files half written.
      (path) => rmSync(join(path, "a.txt")),
      // The daemon's git directory half made.
      (_, gitDir) => [join(gitDir, "HEAD"), join(gitDir, "index")].forEach((file) => rmSync(file)),
    ];
    for (const [i, step] of steps.entries()) {
      const taskId = `${isolation}${i}`;
      const { tree } = await world.make(taskId, { isolation });
      step(tree.path, tree.gitDir);
      if (isolation === "clone" && existsSync(tree.path)) {
        // Before it is whole, a clone lies elsewhere.
        mkdirSync(join(world.paths.worktreesDir, ".new"), { recursive: true });
        const { renameSync } = await import("node:fs");
        renameSync(tree.path, join(world.paths.worktreesDir, ".new", taskId));
      }
      await writeRecord(world.paths, { state: "making", tree });
      const again = await world.make(taskId, { isolation });
      assert.equal(again.created, true);
      assert.equal(git(tree.path, "status", "--porcelain"), "", taskId);
      assert.equal(read(tree.path, "d/b.txt"), "b\n");
      assert.equal((await readRecord(world.paths, taskId))?.state, "made");
    }
  }
});

test("killed between the record and the rename, it is made anew", async (t) => {
  const world = await makeWorld(t);
  const { tree } = await world.make();
  rmSync(tree.path, { recursive: true });
  assert.equal((await world.make()).created, true);
  assert.equal(read(tree.path, "a.txt"), "one\n");
});

test("a lost worktree comes back from its last checkpoint, uncommitted work as such", async (t) => {
  const world = await makeWorld(t);
  const { tree } = await world.make();
  write(tree.path, { "b.txt": "b\n" });
  const head = commitAll(tree.path, "agent's");
  write(tree.path, { "c.txt": "c\n" });
  rmSync(join(tree.path, "a.txt"));
  const last = await takeCheckpoint({ tree, message: "x", locks: world.locks });
  rmSync(tree.path, { recursive: true });
  const again = await world.make("t1", { from: last });
  assert.equal(git(again.tree.path, "rev-parse", "HEAD"), head);
  assert.equal(git(again.tree.path, "status", "--porcelain"), " D a.txt\n?? c.txt");
  const next = await takeCheckpoint({ tree, message: "y", locks: world.locks });
  assert.equal(next.changedSinceLast, false);
});

test("another task starts from a checkpoint on a branch of its own", async (t) => {
  const world = await makeWorld(t);
  const { tree } = await world.make();
  write(tree.path, { "c.txt": "c\n" });
  const last = await takeCheckpoint({ tree, message: "x", locks: world.locks });
  const fork = (await world.make("t2", { from: last })).tree;
  assert.equal(read(fork.path, "c.txt"), "c\n");
  assert.equal(git(fork.path, "branch", "--show-current"), "makima/contract/t2");
});

test("filters, hooks and fsmonitor of repository and person do not run while files are written", async (t) => {
  const folder = temporaryFolder(t);
  const repo = makeRepository(join(folder, "repo"), {
    "a.txt": "one\n",
    ".gitattributes": "* filter=evil diff=evil merge=evil\n",
  });
  const marker = join(folder, "marker");
  const touch = `touch '${marker.replaceAll("'", `'\\''`)}' #`;
  for (const key of [
    "filter.evil.smudge",
    "filter.evil.clean",
    "filter.evil.process",
    "core.fsmonitor",
    "diff.evil.textconv",
  ]) {
    git(repo, "config", key, touch);
  }
  write(repo, { ".git/hooks/post-checkout": `#!/bin/sh\n${touch}\n` });
  chmodSync(join(repo, ".git/hooks/post-checkout"), 0o755);
  const world = await worldOf(folder, repo);
  await inspectRepository(repo);
  for (const isolation of ["clone", "worktree"] as const) {
    const { tree } = await world.make(isolation, { isolation });
    assert.equal(read(tree.path, "a.txt"), "one\n");
    write(tree.path, { "a.txt": "two\n" });
    const checkpoint = await takeCheckpoint({ tree, message: "x", locks: world.locks });
    await commitLeftovers({ tree, checkpoint, message: "feat: x", author: ADA, locks: world.locks });
  }
  assert.equal(existsSync(marker), false);
});

test("a linked worktree is on its branch and can be made where one was before", async (t) => {
  const world = await makeWorld(t);
  const { tree } = await world.make("t1", { isolation: "worktree" });
  assert.equal(git(tree.path, "branch", "--show-current"), "makima/contract/t1");
  assert.equal(dirname(tree.agentGitDir), join(world.repo, ".git/worktrees"));
  assert.equal(git(tree.path, "status", "--porcelain"), "");
});

test("copied files are confined to the checkout and left out of commits", async (t) => {
  const world = await makeWorld(t, { "a.txt": "one\n", "conf/a": "a", ".gitignore": "!.env\n" });
  const outside = join(world.folder, "outside");
  write(outside, { secret: "s" });
  write(world.repo, { ".env": "KEY=1\n", "conf/.env": "KEY=2\n" });
  symlinkSync(join(outside, "secret"), join(world.repo, "link"));
  symlinkSync(outside, join(world.repo, "far"));
  mkdirSync(join(world.repo, "folder"));
  const copyFiles = [
    ".env",
    "conf/.env",
    "link",
    "far/secret",
    "../outside/secret",
    "folder",
    "missing",
    ".git/config",
    "/etc/passwd",
  ];
  const { tree, notes } = await world.make("t1", { copyFiles });
  assert.equal(read(tree.path, ".env"), "KEY=1\n");
  assert.equal(read(tree.path, "conf/.env"), "KEY=2\n");
  assert.equal(notes.length, 7);
  assert.equal(existsSync(join(tree.path, "link")), false);
  const one = await takeCheckpoint({ tree, message: "x", locks: world.locks });
  assert.equal(one.changedSinceLast, false);
});

test("a link in the repository does not lead a copied file out of the worktree", async (t) => {
  const folder = temporaryFolder(t);
  const outside = join(folder, "outside");
  mkdirSync(outside);
  const repo = makeRepository(join(folder, "repo"));
  symlinkSync(outside, join(repo, "conf"));
  commitAll(repo, "a link");
  const world = await worldOf(folder, repo);
  rmSync(join(repo, "conf"));
  write(repo, { "conf/.env": "KEY=1\n" });
  const { notes } = await world.make("t1", { copyFiles: ["conf/.env"] });
  assert.match(notes.join(), /leads elsewhere/);
  assert.equal(existsSync(join(outside, ".env")), false);
});

test("ignored dependency folders are copied, links as links, and nothing leads back", async (t) => {
  const world = await makeWorld(t, {
    "a.txt": "one\n",
    ".gitignore": "node_modules\n.venv\nbuild\n",
    "pkg/package.json": "{}",
  });
  write(world.repo, {
    "node_modules/left/index.js": "1",
    "pkg/node_modules/right/index.js": "2",
    "build/out": "not dependencies",
    ".venv/pyvenv.cfg": "home = /usr",
  });
  symlinkSync("../pkg", join(world.repo, "node_modules/pkg"));
  symlinkSync(join(world.repo, "pkg"), join(world.repo, "node_modules/absolute"));
  const { tree, notes } = await world.make();
  assert.equal(read(tree.path, "node_modules/left/index.js"), "1");
  assert.equal(read(tree.path, "pkg/node_modules/right/index.js"), "2");
  assert.equal(lstatSync(join(tree.path, "node_modules/pkg")).isSymbolicLink(), true);
  assert.equal(existsSync(join(tree.path, "node_modules/absolute")), false);
  assert.equal(existsSync(join(tree.path, "build")), false);
  assert.equal(existsSync(join(tree.path, ".venv")), false);
  assert.equal(notes.length, 1);
  assert.equal(git(tree.path, "status", "--porcelain"), "");
  writeFileSync(join(tree.path, "node_modules/left/index.js"), "changed");
  assert.equal(read(world.repo, "node_modules/left/index.js"), "1");
  const none = await world.make("t2", { dependencies: "none" });
  assert.equal(existsSync(join(none.tree.path, "node_modules")), false);
});

test("a shallow repository and one with sha256 names work as others do", async (t) => {
  const folder = temporaryFolder(t);
  const origin = makeRepository(join(dirname(folder), "origin"));
  commitAll(origin, "second");
  git(folder, "clone", "-q", "--depth=1", `file://${origin}`, "shallow");
  git(folder, "init", "-q", "-b", "main", "--object-format=sha256", "sha256");
  write(join(folder, "sha256"), { "a.txt": "one\n" });
  commitAll(join(folder, "sha256"), "first");
  for (const name of ["shallow", "sha256"]) {
    const world = await worldOf(join(folder, `world-${name}`), join(folder, name));
    const { tree } = await world.make();
    write(tree.path, { "b.txt": "b\n" });
    const head = commitAll(tree.path, "agent's");
    rmSync(join(tree.path, "a.txt"));
    const one = await takeCheckpoint({ tree, message: "x", locks: world.locks });
    assert.equal(one.head, head);
    assert.deepEqual(one.omitted, []);
    assert.deepEqual(one.changedSinceBase, { files: 2, insertions: 1, deletions: 1 });
    git(world.repo, "fsck");
  }
});
