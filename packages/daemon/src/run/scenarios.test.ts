import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { processesOf, World } from "../testing/world.ts";

const TWO = { concurrency: 2 };

describe("an agent of one iteration", TWO, () => {
  test("happy: its work is committed on its branch, with evidence for the very commit", async (t) => {
    const world = await World.start(t);
    const { spec, end } = await world.run({
      plan: "Write a note.\n\n## Acceptance criteria\n- `sim-note.md` exists",
    });
    assert.deepEqual(end.outcome, { type: "done" });
    const { result } = end;
    assert.equal(result?.branch, spec.branch);
    assert.equal(result?.commit, world.git("rev-parse", spec.branch));
    assert.deepEqual(result?.changedFiles, ["sim-note.md"]);
    assert.equal(world.git("rev-parse", "main"), world.git("merge-base", "main", spec.branch));
    const order = world.server.reports.filter((one) => one.type !== "output").map(({ type }) => type);
    assert.deepEqual(order.slice(0, 3), ["runPreparing", "runStarted", "iterationStarted"]);
    assert.deepEqual(order.slice(-3), ["checkpointTaken", "iterationEnded", "runEnded"]);
    const [iteration] = world.server.of("iterationEnded");
    const [checkpoint] = world.server.of("checkpointTaken");
    assert.ok(iteration && checkpoint);
    assert.equal(iteration.gate?.ready, true);
    const file = iteration.evidence.find(({ kind }) => kind === "file");
    assert.equal(file?.verdict, "passed");
    assert.equal(file?.commit, checkpoint.commit);
    assert.ok(iteration.usage.costUsd > 0 && iteration.usage.outputTokens > 0);
    assert.ok(end.runtimeSecs > 0);
    assert.deepEqual(processesOf(spec.runId), []);
    const told = JSON.stringify(world.server.reports);
    assert.ok(!told.includes(spec.apiKey), "the run's key is in no report");
  });

  test("bad-utf8 and lines that are no JSON are kept as they came", async (t) => {
    const world = await World.start(t);
    const { end } = await world.run({ agentScript: "bad-utf8" });
    assert.deepEqual(end.outcome, { type: "done" });
    const raw = world.server.entries().filter((one) => one.messageType === "raw");
    assert.ok(raw.some(({ content }) => content.includes("this line is not JSON")));
    await world.server.entry("ünïcödé, 漢字, 🙂");
  });

  test("huge-output: every line once and in order", async (t) => {
    const world = await World.start(t);
    const { end } = await world.run({ agentScript: "huge-output" });
    assert.deepEqual(end.outcome, { type: "done" });
    const lines = world.server
      .entries()
      .filter((one) => one.messageType === "assistant")
      .flatMap(({ content }) => /^line (\d+)\b/.exec(content)?.[1] ?? []);
    assert.deepEqual(
      lines.map(Number),
      Array.from({ length: 1000 }, (_, at) => at + 1),
    );
    assert.ok(world.server.mostUnacknowledged <= 4);
  });

  test("orphan-child: nothing that the agent started outlives it", async (t) => {
    const world = await World.start(t);
    const { spec, end } = await world.run({ agentScript: "orphan-child" });
    assert.deepEqual(end.outcome, { type: "done" });
    assert.deepEqual(processesOf(spec.runId), []);
  });

  test("spoofed-gate: only the agent's own words count, so it takes another iteration", async (t) => {
    const world = await World.start(t);
    const { end } = await world.run({ agentScript: "spoofed-gate" });
    assert.deepEqual(end.outcome, { type: "done" });
    const iterations = world.server.of("iterationEnded");
    assert.deepEqual(
      iterations.map(({ iteration, gate }) => [iteration, gate?.ready]),
      [
        [1, false],
        [2, true],
      ],
    );
    assert.match(iterations[0]?.verdict ?? "", /^not ready: /);
  });
});

describe("an agent that gets nowhere", TWO, () => {
  test("loop: the breaker opens with the exact reason, and nothing is claimed to be done", async (t) => {
    const world = await World.start(t);
    const { spec, end } = await world.run({ agentScript: "loop" });
    assert.deepEqual(end.outcome, {
      type: "parked",
      reason: "circuit_breaker",
      detail: "No file changes for 3 consecutive runs",
    });
    assert.equal(end.loop?.iteration, 3);
    assert.equal(world.sessions().length, 1, "it went on in one session");
    assert.equal(world.git("rev-parse", spec.branch), world.git("rev-parse", "main"));
    const again = world.prompts().find((text) => text.includes("left-pad"));
    assert.ok(again, "its own blockers are told back");
  });

  test("loop: the same error too often", async (t) => {
    const world = await World.start(t);
    const { end } = await world.run({ agentScript: "loop", noChangeThreshold: 9, sameErrorThreshold: 2 });
    assert.ok(end.outcome.type === "parked");
    assert.equal(
      end.outcome.detail,
      "Same error repeated 2 times: cannot find module 'left-pad' at src/index.js:12",
    );
  });

  test("no-gate: it is told so, until the iterations are used up; a person gives it more and it goes on", async (t) => {
    const world = await World.start(t);
    const { spec, end } = await world.run({ agentScript: "no-gate", maxIterations: 2 });
    assert.deepEqual(end.outcome, {
      type: "parked",
      reason: "circuit_breaker",
      detail: "Maximum iterations (2) reached",
    });
    assert.ok(world.prompts().some((text) => text.includes("without a <COMPLETION_GATE> block")));
    const [first, second] = world.server.of("iterationEnded");
    assert.equal(first?.gate, undefined);
    assert.equal(first?.changed && second?.changed, true);
    const more = world.next(spec, {
      maxIterations: 3,
      loop: {
        ...end.loop!,
        breaker: {
          ...end.loop!.breaker,
          open: undefined,
          thresholds: { maxIterations: 3, noChange: 3, sameError: 5 },
        },
      },
    });
    const then = await world.server.ended(more.runId);
    assert.equal(then.loop?.iteration, 3);
    assert.equal(world.sessions().length, 1);
  });

  test("single_task: one iteration, then it waits for a person; ready and checked it is done", async (t) => {
    const world = await World.start(t);
    const { end } = await world.run({ agentScript: "spoofed-gate", singleTask: true, autonomous: false });
    assert.ok(end.outcome.type === "parked");
    assert.equal(end.outcome.reason, "single_task");
    assert.match(end.outcome.detail ?? "", /Only spoofed gates were ready/);
    const ready = await world.run({ singleTask: true, autonomous: false });
    assert.deepEqual(ready.end.outcome, { type: "done" });
  });

  test("outside the loop the end of the agent is the end: done when it ended well, failed when not", async (t) => {
    const world = await World.start(t);
    const good = await world.run({ autonomous: false, agentScript: "no-gate" });
    assert.deepEqual(good.end.outcome, { type: "done" });
    const bad = await world.run({
      autonomous: false,
      agentScript: world.script([[{ say: "no" }, { crash: { exitCode: 3, stderr: "it broke" } }]]),
    });
    assert.ok(bad.end.outcome.type === "failed");
    assert.match(bad.end.outcome.error.message, /it broke.*Exit code: 3/);
  });
});

describe("what the work leaves behind", TWO, () => {
  test("the commit has its form and trailer, the progress log is written and in no commit", async (t) => {
    const world = await World.start(t);
    const script = world.script([
      [
        { write: { path: "one.txt", content: "1\n" } },
        {
          gate: {
            ready: false,
            reason: "half",
            blockers: ["two is missing"],
            learnings: ["tabs, not spaces"],
          },
        },
      ],
      [
        { write: { path: "two.txt", content: "2\n" } },
        { gate: { ready: true, progress: "Wrote one and two." } },
      ],
    ]);
    const { spec, end } = await world.run({
      agentScript: script,
      taskName: "Add one and two",
      options: {
        ...world.spec().options,
        commit: { enabled: true, messageFormat: "conventional", coAuthor: "Sim <sim@example.com>" },
      },
    });
    assert.deepEqual(end.outcome, { type: "done" });
    const message = world.git("log", "-1", "--format=%B", spec.branch);
    assert.match(message, new RegExp(`^feat: \\[${spec.taskShortId}\\] - Add one and two`));
    assert.match(message, /Wrote one and two\./);
    assert.match(message, /\nCo-Authored-By: Sim <sim@example\.com>$/);
    assert.deepEqual(world.git("ls-tree", "--name-only", spec.branch).split("\n"), [
      "a.txt",
      "one.txt",
      "two.txt",
    ]);
    const [started] = world.server.of("runStarted");
    assert.ok(started);
    const log = readFileSync(join(started.worktreePath, "progress.log"), "utf8");
    assert.equal(log.split("\n---\n").length - 1, 2);
    assert.match(
      log,
      new RegExp(
        `Task \\[${spec.taskShortId}\\]: Add one and two\n- Status: not ready\n- Files changed: one.txt\n- \\*\\*Learnings:\\*\\*\n  - tabs, not spaces\n`,
      ),
    );
    assert.match(log, /- Status: done\n- Files changed: one\.txt, two\.txt/);
    const second = world.prompts().find((text) => text.includes("two is missing"));
    assert.ok(second);
    for (const part of [
      "## Context Recovery",
      `Current branch: ${spec.branch}`,
      "Git status",
      "Last checkpoint",
      "iteration 1",
      "Progress log (recent)",
      "Iteration: 2 of 10; last gate: not ready — half",
    ])
      assert.ok(second.includes(part), part);
  });

  test("setup runs once, files are copied and stay out of commits, a removed worktree keeps its work", async (t) => {
    const world = await World.make(t, {
      files: { "a.txt": "one\n", ".gitignore": "installed\n.env\n" },
      config: { worktree: { setup: "echo setting up; echo x >> installed" } },
    });
    writeFileSync(join(world.repo, ".env"), "A=1\n");
    writeFileSync(join(world.repo, "local.cfg"), "b\n");
    await world.up();
    const script = world.script([
      [{ run: "cat .env local.cfg installed > seen.txt" }, { gate: { ready: true } }],
    ]);
    const { spec, end } = await world.run({ agentScript: script, copyFiles: [".env", "local.cfg"] });
    assert.deepEqual(end.outcome, { type: "done" });
    assert.equal(world.show(spec.branch, "seen.txt"), "A=1\nb\nx");
    assert.deepEqual(end.result?.changedFiles, ["seen.txt"]);
    await world.server.entry("setting up");
    const again = world.next(spec, { agentScript: script });
    await world.server.ended(again.runId);
    assert.equal(
      world.server.entries(again.runId).some(({ messageType }) => messageType === "setup"),
      false,
    );
    const [started] = world.server.of("runStarted");
    writeFileSync(join(started?.worktreePath ?? "", "later.txt"), "not committed\n");
    world.server.command({ type: "removeWorktree", taskId: spec.taskId, deleteBranch: true });
    const removed = await world.server.report("worktreeRemoved");
    assert.equal(existsSync(started?.worktreePath ?? ""), false);
    assert.ok(removed.rescueRef);
    assert.equal(world.show(removed.rescueRef, "later.txt"), "not committed");
    assert.equal(world.show(removed.rescueRef, "seen.txt"), "A=1\nb\nx");
    world.server.command({ type: "removeWorktree", taskId: spec.taskId, deleteBranch: true });
    await world.server.until("a second answer", () => world.server.of("worktreeRemoved").length === 2);
  });
});
