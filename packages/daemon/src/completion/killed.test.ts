/** Each step of a task's life, killed with SIGKILL before one of its calls of git, and done again. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { takeCheckpoint } from "../checkpoint/take.ts";
import { git, read, write } from "../git/testing/repository.ts";
import { removeWorktree } from "../worktree/remove.ts";
import { ADA, makeWorld } from "../worktree/testing/task.ts";
import { commitLeftovers } from "./commit.ts";
import { mergeBranch } from "./merge.ts";

const PROGRAM = new URL("testing/killed.ts", import.meta.url).pathname;

/** Returns whether it was killed; false when it got to its end before. */
function killed(step: string, request: object, killAt: number): boolean {
  const child = spawnSync(process.execPath, [PROGRAM], {
    env: {
      PATH: process.env["PATH"] ?? "",
      STEP: step,
      REQUEST: JSON.stringify(request),
      KILL_AT: String(killAt),
    },
    encoding: "utf8",
  });
  if (child.signal === "SIGKILL") return true;
  assert.equal(child.status, 0, child.stderr);
  assert.ok(Number(child.stdout) < killAt);
  return false;
}

/** Every fifth call of git, until the step gets to its end. */
async function sweep(each: (killAt: number) => Promise<boolean>): Promise<void> {
  let rounds = 0;
  for (let killAt = 1; await each(killAt); killAt += 5) rounds += 1;
  assert.ok(rounds > 1, "it was killed more than once");
}

test("making a worktree", async (t) => {
  const world = await makeWorld(t, { "a.txt": "one\n", "d/b.txt": "b\n" });
  const { paths, store, base } = world;
  await sweep(async (killAt) => {
    const taskId = `t${killAt}`;
    const branch = `makima/contract/${taskId}`;
    const shared = { paths, taskId, store, branch, baseCommit: base, isolation: "clone" };
    const was = killed("create", { ...shared, copyFiles: [], dependencies: "auto" }, killAt);
    const { tree } = await world.make(taskId);
    assert.equal(git(tree.path, "status", "--porcelain"), "");
    assert.equal(git(tree.path, "branch", "--show-current"), branch);
    assert.equal(read(tree.path, "d/b.txt"), "b\n");
    return was;
  });
});

test("taking a checkpoint, making the final commit, merging and removing", async (t) => {
  const world = await makeWorld(t);
  const { paths, store, locks } = world;
  for (const step of ["take", "commit", "merge", "remove"]) {
    await sweep(async (killAt) => {
      const taskId = `${step}${killAt}`;
      git(world.repo, "branch", taskId, world.base);
      const { tree } = await world.make(taskId);
      write(tree.path, { [`${taskId}.txt`]: "b\n" });
      const requests: Record<string, () => Promise<boolean>> = {
        take: async () => killed("take", { tree, message: "x" }, killAt),
        commit: async () => {
          const checkpoint = await takeCheckpoint({ tree, message: "x", locks });
          return killed("commit", { tree, checkpoint, message: "feat: x", author: ADA }, killAt);
        },
        merge: async () => {
          const checkpoint = await takeCheckpoint({ tree, message: "x", locks });
          await commitLeftovers({ tree, checkpoint, message: "feat: x", author: ADA, locks });
          const request = { paths, store, source: tree.branch, target: taskId, alwaysCommit: true };
          return killed("merge", { ...request, message: "Merge", author: ADA }, killAt);
        },
        remove: async () => killed("remove", { paths, taskId, deleteBranch: true }, killAt),
      };
      const was = (await requests[step]?.()) ?? false;
      if (step !== "remove") {
        const checkpoint = await takeCheckpoint({ tree, message: "x", locks, skipUnchanged: true });
        await commitLeftovers({ tree, checkpoint, message: "feat: x", author: ADA, locks });
        const request = { paths, store, locks, source: tree.branch, target: taskId, alwaysCommit: true };
        await mergeBranch({ ...request, message: "Merge", author: ADA });
        assert.equal(git(world.repo, "log", "--format=%s", `${world.base}..${taskId}`), "Merge\nfeat: x");
      }
      await (
        await removeWorktree({ paths, locks, taskId, isRunning: () => false, deleteBranch: true })
      ).deleted;
      assert.equal(existsSync(tree.path), false);
      const last =
        git(world.repo, "for-each-ref", "--format=%(refname)", `refs/makima/checkpoints/${taskId}`)
          .split("\n")
          .at(-1) ?? "";
      assert.equal(git(world.repo, "show", `${last}:${taskId}.txt`), "b");
      assert.equal(git(world.repo, "branch", "--list", tree.branch), "");
      return was;
    });
  }
  git(world.repo, "fsck");
});
