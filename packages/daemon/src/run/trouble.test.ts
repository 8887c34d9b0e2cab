import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { processesOf, World } from "../testing/world.ts";

const TWO = { concurrency: 2 };

describe("an agent in trouble", TWO, () => {
  test("crash: it goes on in the same session", async (t) => {
    const world = await World.start(t);
    const { spec, end } = await world.run({ agentScript: "crash" });
    assert.deepEqual(end.outcome, { type: "done" });
    assert.deepEqual(end.result?.changedFiles, ["sim-after-crash.md", "sim-before-crash.md"]);
    assert.equal(world.sessions().length, 1);
    assert.equal(world.server.of("iterationEnded")[0]?.signal, "SIGKILL");
    assert.equal(world.show(spec.branch, "sim-before-crash.md"), "Written before the crash.");
  });

  test("usage-limit: parked until the reset, at no cost of an iteration, and resumed after it", async (t) => {
    const world = await World.start(t);
    const began = Date.now();
    const { spec, end } = await world.run({ agentScript: "usage-limit" });
    assert.ok(end.outcome.type === "parked");
    assert.equal(end.outcome.reason, "usage_limit");
    assert.ok((end.outcome.wakeAt ?? 0) > began && (end.outcome.wakeAt ?? 0) < began + 10 * 60_000);
    assert.equal(end.loop?.iteration, 0);
    // At this speed the limit is over within a second or two; woken too early, it parks again.
    let last = spec;
    let then = end;
    for (let woken = 0; then.outcome.type === "parked" && woken < 10; woken += 1) {
      last = world.next(last);
      then = await world.server.ended(last.runId);
    }
    assert.deepEqual(then.outcome, { type: "done" });
    assert.equal(then.loop?.iteration, 1);
    assert.equal(world.sessions().length, 1);
    const whole = world.server.of("iterationEnded").at(-1);
    assert.equal(whole?.changed, true, "what was written before the limit counts for the iteration");
  });

  test("auth-expired: the person gets an address, hands in the code, and the task goes on", async (t) => {
    const world = await World.start(t);
    const { spec, end } = await world.run({ agentScript: "auth-expired" });
    assert.ok(end.outcome.type === "parked");
    assert.equal(end.outcome.reason, "auth");
    const required = await world.server.report("authRequired", (one) => one.loginUrl !== undefined);
    assert.match(required.loginUrl ?? "", /^https:\/\/claude\.com\/cai\/oauth\/authorize\?.*state=/);
    assert.equal(required.taskId, spec.taskId);
    world.server.command({ type: "submitAuthCode", agent: "sim", code: "good-code" });
    await world.server.report("authRestored");
    const then = await world.server.ended(world.next(spec).runId);
    assert.deepEqual(then.outcome, { type: "done" });
    assert.equal(world.server.of("authRequired").length, 1);
    assert.equal(world.server.of("authRestored").length, 1);
    assert.equal(world.sessions().length, 1);
  });

  test("overloaded: waited for, and gone on with", async (t) => {
    const world = await World.start(t);
    const { end } = await world.run({ agentScript: "overloaded" });
    assert.deepEqual(end.outcome, { type: "done" });
    assert.equal(end.loop?.iteration, 1, "no iteration is lost to it");
    assert.ok(world.server.entries().some((one) => /trying again where it was in \d s/.test(one.content)));
    assert.equal(world.sessions().length, 1);
  });

  test("context-full: a fresh session begins from a hand-off", async (t) => {
    const world = await World.start(t);
    const { end } = await world.run({ agentScript: "context-full" });
    assert.deepEqual(end.outcome, { type: "done" });
    assert.equal(world.sessions().length, 2);
    const fresh = world.prompts().find((text) => text.includes("Hand-off from the session before"));
    assert.match(fresh ?? "", /sim-before-handoff\.md \(\+1/);
    assert.match(fresh ?? "", /Write a note about the project/);
    await world.server.entry(/handed off to a fresh one/);
  });

  test("a session that is nearly full is handed off before it is full", async (t) => {
    const world = await World.start(t);
    const usage = { inputTokens: 195_000, outputTokens: 1, cacheReadInputTokens: 0, contextWindow: 200_000 };
    const script = world.script(
      [
        [
          { usage },
          { write: { path: "a.md", content: "a" } },
          { gate: { ready: false, progress: "read it all" } },
        ],
      ],
      {
        cases: [
          {
            when: "Hand-off from",
            turns: [[{ write: { path: "b.md", content: "b" } }, { gate: { ready: true } }]],
          },
        ],
      },
    );
    const { end } = await world.run({ agentScript: script });
    assert.deepEqual(end.outcome, { type: "done" });
    assert.equal(world.sessions().length, 2);
    assert.ok(world.prompts().some((text) => text.includes("accomplished: read it all")));
  });

  test("an agent that says nothing is spoken of once, with what to try", async (t) => {
    const world = await World.start(t, { options: { silentMs: 1 } });
    const { spec } = await world.run();
    const notices = world.server.entries(spec.runId).filter((one) => /Nothing has come/.test(one.content));
    assert.equal(notices.length, 1);
    assert.match(notices[0]?.content ?? "", /"makima doctor" .*"makima tasks pause t-/);
  });

  test("an agent that cannot be started parks the task; its session is not claimed to exist", async (t) => {
    const world = await World.start(t);
    const { end } = await world.run({ agent: "claude" });
    assert.ok(end.outcome.type === "parked", JSON.stringify(end.outcome));
    assert.equal(end.outcome.reason, "setup_required");
    assert.equal(end.loop?.resumeSession, false);
  });

  test("a sandbox that cannot be had is a refusal, never a run without", async (t) => {
    const world = await World.start(t, {
      config: { process: { bubblewrap: { enabled: true, bwrap_command: "/nonexistent/bwrap" } } },
    });
    const { end } = await world.run();
    assert.ok(end.outcome.type === "parked");
    assert.equal(end.outcome.reason, "setup_required");
    assert.equal(world.sessions().length, 0);
  });

  test("a repository that is not there fails the task with what to do", async (t) => {
    const world = await World.start(t);
    const repository = { id: "r9", name: "gone", kind: "local" as const, path: "/nonexistent/repository" };
    const { end } = await world.run({ repository });
    assert.ok(end.outcome.type === "failed");
    assert.equal(end.outcome.error.kind, "repo");
  });
});

describe("limits", TWO, () => {
  test("the time limit of a run ends it, however the agent hangs", async (t) => {
    const world = await World.start(t, { config: { process: { default_timeout_secs: 1 } } });
    const { spec, end } = await world.run({ agentScript: "hang" });
    assert.ok(end.outcome.type === "failed");
    assert.equal(end.outcome.error.kind, "timeout");
    assert.match(end.outcome.error.message, /time limit of 1 s/);
    assert.deepEqual(processesOf(spec.runId), []);
  });

  test("the time limit of a task parks it, with what earlier runs used", async (t) => {
    const world = await World.start(t);
    const { end } = await world.run({
      agentScript: "hang",
      limits: { maxRuntimeSecs: 100 },
      spent: { costUsd: 0, runtimeSecs: 99 },
    });
    assert.ok(end.outcome.type === "parked");
    assert.equal(end.outcome.reason, "limit_reached");
  });

  test("a budget that is used up parks it before an agent is started", async (t) => {
    const world = await World.start(t);
    const { end } = await world.run({ limits: { maxCostUsd: 1 }, spent: { costUsd: 1, runtimeSecs: 0 } });
    assert.ok(end.outcome.type === "parked");
    assert.equal(end.outcome.reason, "limit_reached");
    assert.equal(world.sessions().length, 0);
    assert.equal(end.loop?.resumeSession, false);
  });

  test("a budget is passed on to the agent, which stops at it", async (t) => {
    const world = await World.start(t);
    const script = world.script([
      [{ cost: 5 }, { say: "dear" }, { say: "still" }, { gate: { ready: true } }],
    ]);
    const { end } = await world.run({ agentScript: script, limits: { maxCostUsd: 2 } });
    assert.ok(end.outcome.type === "parked", JSON.stringify(end.outcome));
    assert.equal(end.outcome.reason, "limit_reached");
  });
});
