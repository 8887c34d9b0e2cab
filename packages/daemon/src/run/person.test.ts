import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { describe, test } from "node:test";
import { makePipe, nameOf, processesOf, World } from "../testing/world.ts";

const TWO = { concurrency: 2 };
/** Talks until somebody says "enough", then writes a file and is ready. */
const TALKS = [
  [
    { say: "I begin." },
    { write: { path: "begun.txt", content: "begun\n" } },
    { lines: { count: 5000, rate: 50 } },
    { gate: { ready: true } },
  ],
];
const HANGS = [
  [
    { write: { path: "begun.txt", content: "begun\n" } },
    { say: "I hang now." },
    { hang: true },
    { write: { path: "ended.txt", content: "ended\n" } },
    { gate: { ready: true } },
  ],
];

describe("a question", TWO, () => {
  test("is answered while the agent waits, and the same process goes on", async (t) => {
    const world = await World.start(t);
    const spec = world.spawn({ agentScript: "question" });
    const asked = await world.server.report("questionAsked");
    assert.equal(asked.question, "How should half a cent be rounded?");
    assert.deepEqual(
      asked.choices.map(({ label }) => label),
      ["Half up", "Bankers"],
    );
    const { questionId } = asked;
    world.server.command({ type: "answerQuestion", ...nameOf(spec), questionId, answer: "Bankers" });
    const end = await world.server.ended(spec.runId);
    assert.deepEqual(end.outcome, { type: "done" });
    assert.match(world.show(spec.branch, "sim-decision.md"), /Decided by a person: Bankers/);
    assert.equal(world.server.of("questionClosed")[0]?.questionId, questionId);
    assert.equal(world.server.of("iterationStarted").length, 1);
  });

  test("that nobody answers parks the run, and the answer goes on in the same session", async (t) => {
    const world = await World.start(t, { options: { questionMs: 50 } });
    const { spec, end } = await world.run({ agentScript: "question" });
    assert.ok(end.outcome.type === "parked");
    assert.equal(end.outcome.reason, "question");
    assert.equal(world.server.of("questionClosed").length, 0, "the person can still answer");
    assert.deepEqual(processesOf(spec.runId), []);
    assert.equal(world.daemon?.running(), 0);
    const text = "Your question was answered: Half up";
    const more = world.next(spec, { messages: [{ id: "m1", text }] });
    // It asks once more when it is resumed, as its script says; this time somebody is there.
    const again = world.server.until("the end, or the question", () => {
      const asked = world.server.of("questionAsked", more.runId)[0];
      return world.server.of("runEnded", more.runId)[0] ?? asked;
    });
    const found = await again;
    if (found.type === "questionAsked") {
      const { questionId } = found;
      world.server.command({ type: "answerQuestion", ...nameOf(more), questionId, answer: "Half up" });
    }
    await world.server.ended(more.runId);
    assert.equal(world.sessions().length, 1);
    assert.ok(world.prompts().some((prompt) => prompt.includes(text)));
    assert.equal(world.server.of("messageDelivered")[0]?.messageId, "m1");
  });

  test("permission: denied with a reason, it does without; allowed, it does it", async (t) => {
    const world = await World.start(t);
    for (const answer of ["deny", "allow"]) {
      const spec = world.spawn({ agentScript: "permission" });
      const asked = await world.server.report("questionAsked", (one) => one.runId === spec.runId);
      assert.equal(asked.kind, "permission");
      assert.equal(asked.toolName, "Bash");
      const { questionId } = asked;
      world.server.command({ type: "answerQuestion", ...nameOf(spec), questionId, answer, note: "because" });
      const end = await world.server.ended(spec.runId);
      assert.deepEqual(end.outcome, { type: "done" });
      const files = end.result?.changedFiles ?? [];
      assert.equal(files.includes("sim-permission.txt"), answer === "allow");
    }
  });
});

describe("a person's message", TWO, () => {
  test("reaches the agent while it works, once", async (t) => {
    const world = await World.start(t, { server: { repeatCommands: true } });
    const script = world.script(TALKS, { onMessage: [{ when: "hurry", steps: [{ say: "I hurry." }] }] });
    const spec = world.spawn({ agentScript: script, agentSpeed: 20 });
    await world.server.entry("I begin.");
    world.server.command({ type: "sendMessage", ...nameOf(spec), messageId: "m1", text: "please hurry" });
    await world.server.entry("I hurry.");
    await world.server.report("messageDelivered");
    world.stop(spec, "cancel");
    await world.server.until("nothing runs", () => world.server.heartbeats.at(-1)?.runs.length === 0);
    assert.equal(world.server.of("messageDelivered").length, 1);
    assert.equal(world.prompts().filter((text) => text.includes("please hurry")).length, 1);
  });

  test("that comes while the checks run is heard before the work counts as done", async (t) => {
    const world = await World.start(t);
    const script = world.script([
      [{ write: { path: "one.txt", content: "1\n" } }, { gate: { ready: true } }],
      [{ write: { path: "two.txt", content: "2\n" } }, { gate: { ready: true } }],
    ]);
    const fifo = makePipe(`${world.folder}/gate`);
    const options = { ...world.spec().options, testCommand: `[ -e two.txt ] || cat ${fifo}` };
    const spec = world.spawn({ agentScript: script, options });
    await world.server.report("checkpointTaken");
    world.server.command({ type: "sendMessage", ...nameOf(spec), messageId: "m1", text: "and two" });
    await world.server.until("the command is stored", () => world.server.commandsStored === 2);
    // Resolves when the check has begun to read.
    await writeFile(fifo, "go\n");
    const end = await world.server.ended(spec.runId);
    assert.deepEqual(end.outcome, { type: "done" });
    assert.deepEqual(end.result?.changedFiles, ["one.txt", "two.txt"]);
    assert.ok(world.prompts().some((text) => text.includes("and two")));
  });
});

describe("a run that is stopped", TWO, () => {
  test("pause parks it with its work on a checkpoint, and the next run goes on in the same session", async (t) => {
    const world = await World.start(t);
    const spec = world.spawn({ agentScript: world.script(HANGS) });
    await world.server.entry("I hang now.");
    world.stop(spec, "pause");
    const end = await world.server.ended(spec.runId);
    assert.deepEqual(end.outcome, { type: "parked", reason: "paused", detail: "Paused by a person." });
    const checkpoint = world.server.of("checkpointTaken").at(-1);
    assert.equal(world.show(checkpoint?.commit ?? "", "begun.txt"), "begun");
    assert.deepEqual(processesOf(spec.runId), []);
    const more = world.next(spec);
    assert.deepEqual((await world.server.ended(more.runId)).outcome, { type: "done" });
    assert.equal(world.sessions().length, 1);
    assert.equal(world.show(spec.branch, "ended.txt"), "ended");
    assert.equal(world.server.of("iterationEnded").length, 1);
  });

  test("cancel ends it at once, claims nothing, and keeps the work on a ref", async (t) => {
    const world = await World.start(t);
    const spec = world.spawn({ agentScript: world.script(HANGS) });
    await world.server.entry("I hang now.");
    world.stop(spec, "cancel");
    await world.server.until("nothing runs", () => world.server.heartbeats.at(-1)?.runs.length === 0);
    assert.equal(world.server.of("runEnded").length, 0);
    const checkpoint = world.server.of("checkpointTaken").at(-1);
    assert.equal(world.show(checkpoint?.ref ?? "", "begun.txt"), "begun");
    assert.deepEqual(processesOf(spec.runId), []);
  });

  test("a lost lease stops it, keeps the work on a rescue ref and leaves the branch alone", async (t) => {
    const world = await World.start(t);
    const spec = world.spawn({ agentScript: world.script(HANGS) });
    await world.server.entry("I hang now.");
    world.server.manners.leases = "lose";
    await world.server.until("nothing runs", () => world.server.heartbeats.at(-1)?.runs.length === 0);
    assert.equal(world.server.of("runEnded").length, 0);
    const rescued = world.git("for-each-ref", "--format=%(refname)", `refs/makima/rescue/${spec.taskId}`);
    assert.equal(world.show(rescued, "begun.txt"), "begun");
  });

  test("stopped before it has begun, it is over without an agent", async (t) => {
    const world = await World.start(t);
    const spec = world.spec();
    world.server.command({ type: "spawnTask", spec });
    world.stop(spec, "pause");
    const end = await world.server.ended(spec.runId);
    assert.ok(end.outcome.type === "parked");
    assert.equal(world.server.of("iterationStarted").length, 0);
    assert.deepEqual((await world.server.ended(world.next(spec).runId)).outcome, { type: "done" });
  });

  test("a command for a run that is not there is taken and does nothing", async (t) => {
    const world = await World.start(t);
    const gone = { runId: randomUUID(), taskId: randomUUID(), epoch: 3 };
    world.server.command({ type: "stopRun", ...gone, manner: "pause" });
    world.server.command({ type: "answerQuestion", ...gone, questionId: "q", answer: "x" });
    world.server.command({ type: "sendMessage", ...gone, messageId: "m", text: "x" });
    assert.deepEqual((await world.run()).end.outcome, { type: "done" });
  });
});
