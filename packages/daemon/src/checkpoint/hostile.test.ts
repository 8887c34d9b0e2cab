import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { commitAll, git, makePipe, makeRepository, write } from "../git/testing/repository.ts";
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

test("programs in the config, hooks and attributes of an agent's repository do not run", async (t) => {
  const world = await makeWorld(t);
  const { tree } = await world.make();
  const marker = join(world.folder, "marker");
  const script = join(world.folder, "evil");
  writeFileSync(script, `#!/bin/sh\ntouch '${marker.replaceAll("'", `'\\''`)}'\n`);
  chmodSync(script, 0o755);
  const quoted = `'${script.replaceAll("'", `'\\''`)}'`;
  const hostile = (root: string): void => {
    write(root, { ".gitattributes": "* filter=evil diff=evil merge=evil\n", "made.txt": "x\n" });
    git(root, "add", ".");
    git(root, "commit", "-q", "-m", "x");
    for (const key of [
      "core.fsmonitor",
      "core.pager",
      "core.sshCommand",
      "core.editor",
      "core.alternateRefsCommand",
      "filter.evil.clean",
      "filter.evil.smudge",
      "filter.evil.process",
      "diff.evil.textconv",
      "diff.external",
      "merge.evil.driver",
      "uploadpack.packObjectsHook",
      "remote.origin.uploadpack",
      "gpg.program",
    ]) {
      git(root, "config", key, quoted);
    }
    git(root, "config", "filter.evil.required", "true");
    git(root, "config", "extensions.partialClone", "origin");
    git(root, "config", "remote.origin.url", dirname(root));
    git(root, "config", "remote.origin.promisor", "true");
    for (const hook of [
      "pre-commit",
      "post-commit",
      "post-checkout",
      "reference-transaction",
      "post-index-change",
      "fsmonitor-watchman",
    ]) {
      mkdirSync(join(root, ".git/hooks"), { recursive: true });
      cpSync(script, join(root, ".git/hooks", hook));
    }
  };
  makeRepository(join(tree.path, "nested"));
  hostile(join(tree.path, "nested"));
  hostile(tree.path);
  assert.throws(() => git(tree.path, "status"));
  assert.equal(existsSync(marker), true, "the trap works");
  rmSync(marker);
  write(tree.path, { "made.txt": "changed\n", "more.txt": "m\n", "nested/made.txt": "changed\n" });
  const one = await take(world, tree);
  assert.deepEqual(one.omitted, []);
  await statusSummary({ tree });
  write(tree.path, { "nested/made.txt": "changed again\n" });
  const two = await take(world, tree);
  assert.equal(two.changedSinceLast, true);
  assert.equal(git(world.repo, "show", `${two.ref}:made.txt`), "changed");
  assert.equal(existsSync(marker), false);
});

test("sockets, pipes, huge files and files that git refuses are left out and named; the rest is there", async (t) => {
  const world = await makeWorld(t, { "a.txt": "one\n", "was-file": "f\n", "big.txt": "small\n" });
  const { tree } = await world.make();
  makePipe(join(tree.path, "pipe"));
  rmSync(join(tree.path, "was-file"));
  makePipe(join(tree.path, "was-file"));
  write(tree.path, {
    "new.txt": "n\n",
    "big.txt": "x".repeat(2000),
    ".gitattributes": "odd.txt working-tree-encoding=UTF-16\n",
    "odd.txt": "not utf-16",
  });
  const one = await takeCheckpoint({ tree, message: "x", locks: world.locks, maxFileBytes: 1000 });
  const names = one.omitted.map((line) => line.split(": ")[0]).sort();
  assert.deepEqual(names, ["big.txt", "odd.txt", "pipe", "was-file"]);
  assert.deepEqual(one.unsaved.map((line) => line.split(": ")[0]).sort(), ["big.txt", "odd.txt"]);
  assert.deepEqual(files(world, one.ref), [".gitattributes", "a.txt", "big.txt", "new.txt", "was-file"]);
  assert.equal(git(world.repo, "show", `${one.ref}:big.txt`), "small");
});

test("a file that cannot be read is left out, and does not keep the others from being kept", async (t) => {
  const world = await makeWorld(t);
  const { tree } = await world.make();
  write(tree.path, { "closed.txt": "c\n", "closed/inside.txt": "i\n", "open.txt": "o\n" });
  chmodSync(join(tree.path, "closed.txt"), 0);
  chmodSync(join(tree.path, "closed"), 0);
  if (process.getuid?.() !== 0) {
    const one = await take(world, tree);
    assert.deepEqual(files(world, one.ref), ["a.txt", "open.txt"]);
    chmodSync(join(tree.path, "closed"), 0o700);
    assert.equal(one.unsaved.length, 2);
    return;
  }
  // Root may read everything, so somebody else takes it.
  const top = dirname(world.folder);
  execFileSync("chown", ["-R", "65534:65534", top]);
  const program = `
    import { takeCheckpoint } from ${JSON.stringify(new URL("take.ts", import.meta.url).href)};
    import { KeyedLock } from ${JSON.stringify(new URL("../git/keyed-lock.ts", import.meta.url).href)};
    const tree = JSON.parse(process.env.TREE);
    console.log(JSON.stringify(await takeCheckpoint({ tree, message: "x", locks: new KeyedLock() })));`;
  const said = execFileSync(process.execPath, ["--input-type=module", "-e", program], {
    uid: 65534,
    gid: 65534,
    cwd: top,
    env: { PATH: process.env["PATH"] ?? "", HOME: "/nonexistent", TREE: JSON.stringify(tree) },
    encoding: "utf8",
  });
  execFileSync("chown", ["-R", "0:0", top]);
  const one = JSON.parse(said) as { ref: string; unsaved: string[] };
  assert.deepEqual(files(world, one.ref), ["a.txt", "open.txt"]);
  assert.deepEqual(one.unsaved.map((line) => line.split(": ")[0]).sort(), ["closed.txt", "closed/"]);
});

test("a .git that is a link elsewhere brings nothing from there", async (t) => {
  const world = await makeWorld(t);
  const other = makeRepository(join(world.folder, "other"), { "secret.txt": "s\n" });
  const secret = git(other, "rev-parse", "HEAD");
  const { tree } = await world.make();
  rmSync(join(tree.path, ".git"), { recursive: true });
  symlinkSync(join(other, ".git"), join(tree.path, ".git"));
  write(tree.path, { "b.txt": "b\n" });
  const one = await take(world, tree);
  assert.match(one.omitted.join(), /\.git: is gone, damaged or a link/);
  assert.deepEqual(files(world, one.ref), ["a.txt", "b.txt"]);
  assert.throws(() => git(world.repo, "cat-file", "-e", secret));
});

test("objects of a foreign repository are not taken over through alternates or links", async (t) => {
  const world = await makeWorld(t);
  const other = makeRepository(join(world.folder, "other"), { "secret.txt": "s\n" });
  const secret = git(other, "rev-parse", "HEAD");
  for (const [taskId, borrow] of [
    [
      "t1",
      (gitDir: string) =>
        writeFileSync(
          join(gitDir, "objects/info/alternates"),
          `${join(other, ".git/objects").replaceAll("\n", "\\n")}\n`,
        ),
    ],
    [
      "t2",
      (gitDir: string) => {
        rmSync(join(gitDir, "objects/pack"), { recursive: true });
        symlinkSync(join(other, ".git/objects/pack"), join(gitDir, "objects/pack"));
      },
    ],
  ] as const) {
    const { tree } = await world.make(taskId);
    borrow(join(tree.path, ".git"));
    writeFileSync(join(tree.path, ".git/refs/heads/makima/contract", taskId), `${secret}\n`);
    const one = await take(world, tree);
    assert.equal(one.head, world.base);
    assert.match(one.omitted.join(), /were not taken over/);
    assert.throws(() => git(world.repo, "cat-file", "-e", secret));
  }
});

test("a forged object does not get into the store", async (t) => {
  const world = await makeWorld(t);
  const { tree } = await world.make();
  write(tree.path, { "b.txt": "good\n" });
  commitAll(tree.path, "x");
  const blob = git(tree.path, "rev-parse", "HEAD:b.txt");
  const bad = git(tree.path, "hash-object", "-w", "--literally", "-t", "blob", join(tree.path, "a.txt"));
  const object = (id: string): string => join(tree.path, ".git/objects", id.slice(0, 2), id.slice(2));
  write(tree.path, { "evil.txt": "evil\n" });
  const evil = git(tree.path, "hash-object", "-w", "evil.txt");
  assert.notEqual(bad, evil);
  rmSync(object(blob));
  cpSync(object(evil), object(blob));
  rmSync(join(tree.path, "b.txt"));
  const one = await take(world, tree);
  assert.equal(one.head, world.base);
  assert.match(one.omitted.join(), /damaged/);
  assert.throws(() => git(world.repo, "cat-file", "-e", blob));
  git(world.repo, "fsck", "--strict", "--connectivity-only");
});

test("a link in place of a tracked folder is kept as a link, and nothing behind it is read", async (t) => {
  const world = await makeWorld(t, { "d/a.txt": "one\n" });
  const { tree } = await world.make();
  rmSync(join(tree.path, "d"), { recursive: true });
  symlinkSync("/etc", join(tree.path, "d"));
  const one = await take(world, tree);
  assert.equal(git(world.repo, "ls-tree", one.ref).split(" ")[0], "120000");
});

test("names of any bytes are kept", async (t) => {
  const world = await makeWorld(t);
  const { tree } = await world.make();
  const odd = Buffer.concat([Buffer.from(`${tree.path}/`), Buffer.from([0xff, 0xfe, 0x0a, 0x22])]);
  writeFileSync(odd, "odd\n");
  write(tree.path, { "-option": "o\n", ":(top)magic": "m\n", "*": "star\n" });
  const one = await take(world, tree);
  assert.deepEqual(one.omitted, []);
  assert.equal(one.changedSinceBase.files, 4);
  const listed = execFileSync("git", ["ls-tree", "-z", "--name-only", one.ref], { cwd: world.repo });
  assert.ok(listed.includes(Buffer.from([0xff, 0xfe, 0x0a, 0x22])));
});
