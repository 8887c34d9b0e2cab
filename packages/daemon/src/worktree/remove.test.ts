import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { takeCheckpoint } from "../checkpoint/take.ts";
import { isGitError } from "../git/error.ts";
import { commitAll, fingerprint, git, read, write } from "../git/testing/repository.ts";
import { findOrphans } from "./orphans.ts";
import { decideRemoval, removeWorktree, type RemoveWorktree } from "./remove.ts";
import { makeWorld, type World } from "./testing/task.ts";
import { readRecord, writeRecord } from "./task-tree.ts";
import { emptyTrash } from "./trash.ts";

function request(world: World, more: Partial<RemoveWorktree> = {}): RemoveWorktree {
  const { paths, locks } = world;
  return { paths, locks, taskId: "t1", isRunning: () => false, deleteBranch: false, ...more };
}

test("a worktree goes after a last checkpoint, and its branch only with every commit kept", async (t) => {
  const world = await makeWorld(t);
  const { tree } = await world.make();
  write(tree.path, { "b.txt": "b\n" });
  const own = commitAll(tree.path, "agent's");
  write(tree.path, { "c.txt": "c\n" });
  const before = fingerprint(world.repo);
  assert.equal((await decideRemoval(request(world))).action, "remove");
  const removal = await removeWorktree(request(world, { deleteBranch: true }));
  await removal.deleted;
  assert.equal(existsSync(tree.path), false);
  assert.deepEqual(readdirSync(join(world.paths.worktreesDir, ".trash")), []);
  assert.equal(await readRecord(world.paths, "t1"), undefined);
  assert.equal(removal.branchDeleted, true);
  assert.equal(git(world.repo, "branch", "--list", "makima/*"), "");
  assert.ok(removal.saved);
  assert.equal(git(world.repo, "show", `${removal.saved.ref}:c.txt`), "c");
  git(world.repo, "merge-base", "--is-ancestor", own, removal.saved.ref);
  assert.equal(fingerprint(world.repo), before);
  const again = await removeWorktree(request(world, { deleteBranch: true }));
  assert.equal(again.decision.action, "gone");
});

test("a worktree with nothing new leaves no checkpoint behind", async (t) => {
  const world = await makeWorld(t);
  await world.make();
  const removal = await removeWorktree(request(world, { deleteBranch: true }));
  assert.equal(removal.saved, undefined);
  assert.equal(removal.branchDeleted, true);
  assert.equal(git(world.repo, "for-each-ref", "refs/makima/checkpoints"), "");
});

test("a branch with commits of a person is kept", async (t) => {
  const world = await makeWorld(t);
  const { tree } = await world.make();
  const mine = git(world.repo, "commit-tree", "-p", world.base, "-m", "mine", `${world.base}^{tree}`);
  git(world.repo, "update-ref", `refs/heads/${tree.branch}`, mine);
  const removal = await removeWorktree(request(world, { deleteBranch: true }));
  assert.equal(removal.branchDeleted, false);
  assert.match(removal.notes.join(), /nowhere else/);
  assert.equal(git(world.repo, "rev-parse", tree.branch), mine);
});

test("a running task's worktree stays, also when it starts while the last checkpoint is taken", async (t) => {
  const world = await makeWorld(t);
  const { tree } = await world.make();
  const running = await removeWorktree(request(world, { isRunning: () => true }));
  assert.equal(running.decision.action, "refuse");
  let asked = 0;
  const started = await removeWorktree(request(world, { isRunning: () => (asked += 1) > 1 }));
  assert.equal(started.decision.action, "refuse");
  assert.equal(read(tree.path, "a.txt"), "one\n");
});

test("a link in the worktree's place, or a folder outside its root, is refused and not followed", async (t) => {
  const world = await makeWorld(t);
  const { tree } = await world.make();
  const outside = join(world.folder, "outside");
  renameSync(tree.path, outside);
  symlinkSync(outside, tree.path);
  assert.equal((await removeWorktree(request(world))).decision.action, "refuse");
  rmSync(tree.path);
  await writeRecord(world.paths, { state: "made", tree: { ...tree, path: outside } });
  const refused = await removeWorktree(request(world));
  assert.equal(refused.decision.action, "refuse");
  await writeRecord(world.paths, {
    state: "made",
    tree: { ...tree, path: join(world.paths.worktreesDir, ".trash") },
  });
  mkdirSync(join(world.paths.worktreesDir, ".trash"), { recursive: true });
  assert.equal((await removeWorktree(request(world))).decision.action, "refuse");
  assert.equal(read(outside, "a.txt"), "one\n");
});

test("links in a worktree are deleted, not what they lead to; closed folders are no obstacle", async (t) => {
  const world = await makeWorld(t);
  const { tree } = await world.make();
  const outside = join(world.folder, "outside");
  write(outside, { "precious.txt": "p" });
  symlinkSync(outside, join(tree.path, "link"));
  write(tree.path, { "closed/a": "a" });
  chmodSync(join(tree.path, "closed"), 0o500);
  const removal = await removeWorktree(request(world));
  await removal.deleted;
  assert.equal(read(outside, "precious.txt"), "p");
  assert.deepEqual(readdirSync(join(world.paths.worktreesDir, ".trash")), []);
});

test("work that no ref can hold keeps the worktree, until a person says otherwise", async (t) => {
  const world = await makeWorld(t);
  const { tree } = await world.make();
  rmSync(join(tree.path, ".git"), { recursive: true });
  write(tree.path, { "b.txt": "b\n" });
  await assert.rejects(removeWorktree(request(world)), (error) => isGitError(error, "snapshot_failed"));
  assert.equal(read(tree.path, "b.txt"), "b\n");
  const removal = await removeWorktree(request(world, { discardUnsaved: true }));
  await removal.deleted;
  assert.equal(existsSync(tree.path), false);
});

test("when the store cannot be written the worktree stays", async (t) => {
  const world = await makeWorld(t);
  const { tree } = await world.make();
  write(tree.path, { "b.txt": "b\n" });
  renameSync(join(world.repo, ".git"), join(world.folder, "away"));
  await assert.rejects(removeWorktree(request(world)), (error) => isGitError(error, "snapshot_failed"));
  assert.equal(read(tree.path, "b.txt"), "b\n");
});

test("orphans are found and rescued; folders that makima does not know are only named", async (t) => {
  const world = await makeWorld(t);
  const { tree } = await world.make();
  await world.make("t2");
  write(tree.path, { "b.txt": "b\n" });
  const unknown = join(world.paths.worktreesDir, "unknown");
  mkdirSync(unknown);
  assert.deepEqual(await findOrphans(world.paths, new Set(["t2"])), [
    { path: tree.path, taskId: "t1" },
    { path: unknown, taskId: undefined },
  ]);
  const at = new Date("2026-01-02T03:04:05Z");
  const removal = await removeWorktree(request(world, { rescue: true, at }));
  assert.equal(removal.saved?.ref, "refs/makima/rescue/t1/20260102T030405000Z");
  assert.equal(git(world.repo, "show", `${removal.saved.ref}:b.txt`), "b");
});

test("a linked worktree is unlinked too, and others of the person are not", async (t) => {
  const world = await makeWorld(t);
  const mine = join(world.folder, "mine");
  git(world.repo, "worktree", "add", "-q", "-b", "mine", mine);
  rmSync(mine, { recursive: true });
  const { tree } = await world.make("t1", { isolation: "worktree" });
  write(tree.path, { "b.txt": "b\n" });
  const removal = await removeWorktree(request(world, { deleteBranch: true }));
  await removal.deleted;
  assert.equal(removal.branchDeleted, true);
  assert.deepEqual(readdirSync(join(world.repo, ".git/worktrees")), ["mine"]);
});

test("what a killed daemon left in the trash is deleted at the next start", async (t) => {
  const world = await makeWorld(t);
  const { tree } = await world.make();
  mkdirSync(join(world.paths.worktreesDir, ".trash"), { recursive: true });
  renameSync(tree.path, join(world.paths.worktreesDir, ".trash", "t1-old"));
  await emptyTrash(world.paths.worktreesDir);
  assert.deepEqual(readdirSync(join(world.paths.worktreesDir, ".trash")), []);
  assert.equal((await removeWorktree(request(world))).decision.action, "gone");
  assert.equal(await readRecord(world.paths, "t1"), undefined);
});

test("a removal that was killed after the folder moved is finished by the next call", async (t) => {
  const world = await makeWorld(t);
  const { tree } = await world.make();
  write(tree.path, { "b.txt": "b\n" });
  await takeCheckpoint({ tree, message: "before its worktree is removed", locks: world.locks });
  rmSync(tree.path, { recursive: true });
  const removal = await removeWorktree(request(world, { deleteBranch: true }));
  assert.equal(removal.decision.action, "gone");
  assert.equal(removal.branchDeleted, true);
});
