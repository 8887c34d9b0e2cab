import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { commitAll, write } from "../git/testing/repository.ts";
import { World } from "../testing/world.ts";

const TWO = { concurrency: 2 };

/** A repository whose test wants good.txt to say "good". */
const TESTED = {
  "a.txt": "one\n",
  "check.sh": "grep -qx good good.txt && echo '1 passed' || { echo '0 passed, 1 failed'; exit 1; }\n",
};
const LEARNS = [
  [{ write: { path: "good.txt", content: "bad\n" } }, { gate: { ready: true, reason: "surely" } }],
  [{ write: { path: "good.txt", content: "good\n" } }, { gate: { ready: true, reason: "now" } }],
];

describe("ready is checked", TWO, () => {
  test("a test that fails is told back, and what passes is proved on the commit that is delivered", async (t) => {
    const world = await World.start(t, { files: TESTED });
    const options = { ...world.spec().options, testCommand: "sh check.sh", requireTests: true };
    const { spec, end } = await world.run({ agentScript: world.script(LEARNS), options });
    assert.deepEqual(end.outcome, { type: "done" });
    const [first, second] = world.server.of("iterationEnded");
    assert.match(first?.verdict ?? "", /^said ready, but a check failed: /);
    const failed = first?.evidence.find(({ kind }) => kind === "tests");
    assert.equal(failed?.verdict, "failed");
    assert.equal(failed?.exitCode, 1);
    assert.ok(failed?.remarks?.some((one) => one.includes("failing at the base commit already")));
    const told = world
      .prompts()
      .find((text) => text.includes("You said ready, and makima checked the commit"));
    assert.match(told ?? "", /0 passed, 1 failed/);
    const proof = second?.evidence.find(({ kind }) => kind === "tests");
    assert.equal(proof?.verdict, "passed");
    const checkpoint = world.server.of("checkpointTaken").at(-1);
    assert.equal(proof?.commit, checkpoint?.commit);
    assert.equal(
      world.git("rev-parse", `${spec.branch}^{tree}`),
      world.git("rev-parse", `${checkpoint?.commit}^{tree}`),
    );
  });

  test("tests are required and no command is found: it stops and asks", async (t) => {
    const world = await World.start(t);
    const { end } = await world.run({ options: { ...world.spec().options, requireTests: true } });
    assert.ok(end.outcome.type === "parked");
    assert.equal(end.outcome.reason, "no_test_command");
  });

  test("outside the loop, work that fails its checks has failed", async (t) => {
    const world = await World.start(t, { files: TESTED });
    const options = { ...world.spec().options, testCommand: "sh check.sh" };
    const { end } = await world.run({ agentScript: world.script(LEARNS), options, autonomous: false });
    assert.ok(end.outcome.type === "failed");
    assert.match(end.outcome.error.message, /^Checks failed: /);
  });
});

describe("a merge", TWO, () => {
  test("goes into the branch that is checked out, and brings the clean checkout along", async (t) => {
    const world = await World.start(t);
    const { spec, end } = await world.run({ completionAction: "merge" });
    assert.equal(end.result?.ok, true, end.result?.error);
    assert.equal(end.result?.mergedInto, "main");
    assert.equal(end.result?.mergeCommit, world.git("rev-parse", "main"));
    assert.equal(world.git("merge-base", "main", spec.branch), world.git("rev-parse", spec.branch));
    assert.equal(world.git("status", "--porcelain"), "");
    assert.equal(world.git("show", "HEAD:sim-note.md").length > 0, true);
    assert.deepEqual(
      world.server.leaves.map(({ action }) => action),
      ["commit", "merge"],
    );
  });

  test("is refused where the checkout is dirty, with the command, and can be tried again", async (t) => {
    const world = await World.start(t);
    writeFileSync(join(world.repo, "a.txt"), "half an edit\n");
    const { spec, end } = await world.run({ completionAction: "merge" });
    assert.deepEqual(end.outcome, { type: "done" });
    assert.equal(end.result?.ok, false);
    assert.match(end.result?.error ?? "", /git .*merge/);
    assert.equal(world.git("rev-parse", "main"), world.git("rev-parse", "HEAD"));
    assert.ok(world.git("status", "--porcelain").includes("a.txt"));
    world.git("checkout", "--", "a.txt");
    world.server.command({
      type: "retryCompletionAction",
      runId: spec.runId,
      taskId: spec.taskId,
      epoch: spec.epoch,
      spec,
    });
    const again = await world.server.report("completionAction");
    assert.equal(again.result.ok, true, again.result.error);
    assert.equal(world.git("rev-parse", "main"), again.result.mergeCommit);
    assert.deepEqual(again.result.changedFiles, ["sim-note.md"]);
  });

  test("that conflicts changes nothing and names the files", async (t) => {
    const world = await World.start(t);
    const [one, two] = await Promise.all([
      world.run({ agentScript: "conflict", completionAction: "merge" }),
      world.run({ agentScript: "conflict", completionAction: "merge" }),
    ]);
    const results = [one.end.result, two.end.result];
    assert.deepEqual(results.map((result) => result?.ok).toSorted(), [false, true]);
    const lost = results.find((result) => !result?.ok);
    assert.match(lost?.error ?? "", /sim-conflict\.md/);
    assert.equal(world.git("rev-parse", "main"), results.find((result) => result?.ok)?.mergeCommit);
  });

  test("without leave nothing is committed or merged, and the work is kept aside", async (t) => {
    const world = await World.start(t, { server: { leave: "deny" } });
    const spec = world.spawn({ completionAction: "merge", agentScript: world.script(LEARNS.slice(1)) });
    await world.server.until(
      "it is given up",
      () => world.server.leaves.length > 0 && world.server.heartbeats.at(-1)?.runs.length === 0,
    );
    assert.equal(world.server.of("runEnded").length, 0);
    assert.equal(world.git("rev-parse", "main"), world.git("rev-parse", spec.branch));
    const rescued = world.git("for-each-ref", "--format=%(refname)", `refs/makima/rescue/${spec.taskId}`);
    assert.equal(world.show(rescued, "good.txt"), "good");
  });

  test("into a branch that moved on makes one merge commit", async (t) => {
    const world = await World.start(t, {
      server: { leave: (leave) => (leave.action === "commit" ? "hold" : "grant") },
    });
    const spec = world.spawn({ completionAction: "merge" });
    await world.server.until("leave is asked", () => world.server.leaves.length > 0);
    write(world.repo, { "b.txt": "two\n" });
    commitAll(world.repo, "meanwhile");
    world.server.manners.leave = "grant";
    world.server.drop();
    const end = await world.server.ended(spec.runId);
    assert.equal(end.result?.ok, true, end.result?.error);
    assert.equal(world.git("rev-list", "--merges", "--count", "main"), "1");
  });
});
