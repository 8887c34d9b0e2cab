import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import type { RunSpec } from "@makima/protocol/run-spec";
import { commitAll, write } from "../git/testing/repository.ts";
import { DaemonProcess } from "../testing/daemon-process.ts";
import { makePipe, processesOf, World, type Setting } from "../testing/world.ts";

const LINES = 120;
const SEED = Number(process.env["MAKIMA_SEED"] ?? 20261121);
const KILLS = 30;

/** Two iterations of lines, files and a commit of the agent's own. */
const TURNS = [
  [
    { write: { path: "one.txt", content: "one\n" } },
    { lines: { count: LINES, rate: 200, prefix: "line", nonce: true } },
    { write: { path: "two.txt", content: "two\n" } },
    { gate: { ready: false, reason: "half", blockers: ["the other half"] } },
  ],
  [
    { append: { path: "two.txt", content: "more\n" } },
    { commit: "feat: the other half" },
    { write: { path: "three.txt", content: "three\n" } },
    { gate: { ready: true } },
  ],
];

const DEAF = [[{ write: { path: "a.md", content: "a\n" } }, { say: "I hang." }, { hang: { deaf: true } }]];

async function made(t: TestContext, setting: Setting = {}): Promise<{ world: World; daemon: DaemonProcess }> {
  const world = await World.make(t, setting);
  return { world, daemon: DaemonProcess.start(t, world) };
}

function begin(world: World, more: Partial<RunSpec> = {}): RunSpec {
  const spec = world.spawn({
    agentScript: world.script(TURNS),
    agentSpeed: 1,
    completionAction: "merge",
    maxIterations: 40,
    noChangeThreshold: 40,
    ...more,
  });
  return spec;
}

/** Somebody else's commit after the task began, so that its merge is one. */
async function moveMain(world: World, spec: RunSpec, name: string): Promise<void> {
  await world.server.report("runStarted", (one) => one.runId === spec.runId);
  write(world.repo, { [name]: "by a person\n" });
  commitAll(world.repo, "by a person");
}

/** Nothing lost, nothing doubled, nothing left. */
async function assertWhole(world: World, spec: RunSpec, merges = 1): Promise<void> {
  const end = await world.server.ended(spec.runId);
  assert.deepEqual(end.outcome, { type: "done" });
  assert.equal(end.result?.ok, true, end.result?.error);
  assert.equal(world.server.of("runEnded", spec.runId).length, 1);
  const lines = world.server
    .entries(spec.runId)
    .filter((one) => one.messageType === "assistant")
    .flatMap(({ content }) => (/^line \d+ /.test(content) ? [content.trim()] : []));
  assert.equal(new Set(lines).size, lines.length, "a line came twice");
  const numbers = new Set(lines.map((line) => Number(line.split(" ")[1])));
  assert.deepEqual(
    Array.from({ length: LINES }, (_, at) => at + 1).filter((n) => !numbers.has(n)),
    [],
    "lines are missing",
  );
  assert.equal(world.show("main", "one.txt"), "one");
  assert.equal(world.show("main", "two.txt"), "two\nmore");
  assert.equal(world.show("main", "three.txt"), "three");
  assert.equal(world.git("rev-list", "--merges", "--count", "main"), String(merges));
  assert.equal(world.git("status", "--porcelain"), "");
  for (const type of ["runPreparing", "runStarted"] as const) {
    assert.equal(world.server.of(type, spec.runId).length, 1, type);
  }
  const checkpoints = world.server.of("checkpointTaken", spec.runId).map(({ n }) => n);
  assert.deepEqual(checkpoints, [...new Set(checkpoints)], "a checkpoint was reported twice");
  const iterations = world.server.of("iterationEnded", spec.runId).map(({ iteration }) => iteration);
  assert.deepEqual(iterations, [...new Set(iterations)], "an iteration was reported twice");
  assert.deepEqual(processesOf(spec.runId), []);
}

const setups = (world: World) =>
  world.server.entries().filter((one) => one.content.startsWith("$ cat")).length;

describe("kill -9 of the daemon", { concurrency: 2 }, () => {
  test("while it prepares", async (t) => {
    const { world, daemon } = await made(t);
    const spec = begin(world);
    await world.server.report("runPreparing");
    await daemon.killAndStart();
    await moveMain(world, spec, "other.txt");
    await assertWhole(world, spec);
  });

  test("during the setup command, which is not left behind", async (t) => {
    const world = await World.make(t);
    const fifo = makePipe(join(world.folder, "setup"));
    world.options.config.worktree.setup = `cat '${fifo}'`;
    const daemon = DaemonProcess.start(t, world);
    const spec = begin(world);
    await world.server.entry(`$ cat '${fifo}'`);
    await daemon.killAndStart();
    await world.server.until("the setup again", () => setups(world) === 2);
    await writeFile(fifo, "it is set up\n");
    await moveMain(world, spec, "other.txt");
    await assertWhole(world, spec);
  });

  test("in the middle of output", async (t) => {
    const { world, daemon } = await made(t);
    const spec = begin(world);
    await world.server.entry(/^line 40 /);
    await daemon.killAndStart();
    await moveMain(world, spec, "other.txt");
    await assertWhole(world, spec);
  });

  test("between the result and its judgement", async (t) => {
    const { world, daemon } = await made(t);
    const spec = begin(world);
    await world.server.until("a result", () =>
      world.server.entries().some((one) => one.messageType === "result"),
    );
    await daemon.killAndStart();
    await moveMain(world, spec, "other.txt");
    await assertWhole(world, spec);
    assert.equal(world.server.of("iterationEnded").length, 2, "the turn was not done again");
  });

  test("during the checks, twice: the turn is judged all the same, and no check is left behind", async (t) => {
    const { world, daemon } = await made(t);
    const [hello, go] = [makePipe(join(world.folder, "hello")), makePipe(join(world.folder, "go"))];
    const options = { ...world.spec().options, testCommand: `cat '${hello}' && cat '${go}'` };
    const spec = begin(world, { options });
    for (let round = 0; round < 2; round += 1) {
      await writeFile(hello, "");
      await daemon.killAndStart();
    }
    await writeFile(hello, "");
    await writeFile(go, "");
    await moveMain(world, spec, "other.txt");
    await assertWhole(world, spec);
    assert.equal(world.server.of("iterationStarted").length, 2, "no turn was made twice");
  });

  for (const action of ["commit", "merge"] as const) {
    test(`while it asks leave for the ${action}`, async (t) => {
      const { world, daemon } = await made(t);
      world.server.manners.leave = (leave) => (leave.action === action ? "hold" : "grant");
      const spec = begin(world);
      await world.server.until("leave is asked", () =>
        world.server.leaves.some((one) => one.action === action),
      );
      world.server.manners.leave = "grant";
      await moveMain(world, spec, "other.txt");
      await daemon.killAndStart();
      await assertWhole(world, spec);
    });
  }

  test("with the end in its journal and not at the server", async (t) => {
    const { world, daemon } = await made(t);
    const spec = begin(world);
    await moveMain(world, spec, "other.txt");
    await world.server.report("iterationEnded", (one) => one.iteration === 2);
    const before = world.server.hellos.length;
    world.server.manners.withholdAcks = true;
    await world.server.ended(spec.runId);
    await daemon.killAndStart();
    await world.server.reconnected(before);
    await assertWhole(world, spec);
  });

  test("with a stop in its journal: the old agent is ended, its output and its work are kept", async (t) => {
    const { world, daemon } = await made(t);
    const spec = begin(world, {
      agentScript: world.script(DEAF),
    });
    await world.server.entry("I hang.");
    world.server.drop();
    await world.server.stop();
    await daemon.kill();
    await world.server.listen();
    world.stop(spec, "pause");
    daemon.start();
    const end = await world.server.ended(spec.runId);
    assert.ok(end.outcome.type === "parked");
    assert.deepEqual(processesOf(spec.runId), []);
    const checkpoint = world.server.of("checkpointTaken").at(-1);
    assert.equal(world.show(checkpoint?.commit ?? "", "a.md"), "a");
  });

  test("and with its journal lost: nothing of the old run goes on, and the task begins where its work is", async (t) => {
    const { world, daemon } = await made(t);
    const spec = begin(world, { agentScript: world.script(DEAF), completionAction: "branch" });
    await world.server.entry("I hang.");
    await daemon.kill();
    for (const suffix of ["", "-wal"]) writeFileSync(`${world.options.journalPath}${suffix}`, "no database");
    daemon.start();
    await world.server.reconnected();
    assert.deepEqual(processesOf(spec.runId), []);
    const more = world.next(spec, {
      agentScript: world.script([[{ run: "cat a.md > b.md" }, { gate: { ready: true } }]]),
    });
    assert.deepEqual((await world.server.ended(more.runId)).outcome, { type: "done" });
    assert.equal(world.show(spec.branch, "b.md"), "a");
  });

  test("for so long that the run is another's: no agent is started, and the work is kept", async (t) => {
    const { world, daemon } = await made(t);
    const spec = begin(world);
    await world.server.entry(/^line 10 /);
    await daemon.kill();
    world.server.manners.verdict = () => "stop";
    daemon.start();
    await world.server.until("nothing runs", () => world.server.heartbeats.at(-1)?.runs.length === 0);
    assert.equal(world.server.of("iterationStarted").length, 1);
    assert.equal(world.server.of("runEnded").length, 0);
    assert.deepEqual(processesOf(spec.runId), []);
    const rescued = world.git("for-each-ref", "--format=%(refname)", `refs/makima/rescue/${spec.taskId}`);
    assert.equal(world.show(rescued, "one.txt"), "one");
  });
});

test(`kill -9 after any report: ${KILLS} times (MAKIMA_SEED=${SEED})`, async (t) => {
  const { world, daemon } = await made(t);
  let state = SEED;
  const random = (below: number) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
  let kills = 0;
  for (let n = 1; kills < KILLS; n += 1) {
    world.git("rm", "-q", "--ignore-unmatch", "one.txt", "two.txt", "three.txt");
    commitAll(world.repo, "begin again");
    const spec = begin(world);
    const moved = moveMain(world, spec, `other-${n}.txt`);
    const over = () => world.server.of("runEnded", spec.runId).length > 0;
    for (let inRun = 0; inRun < 8 && kills < KILLS && !over(); inRun += 1) {
      const at = world.server.reports.length + 1 + random(12);
      await world.server.until(`report ${at}`, () => over() || world.server.reports.length >= at);
      if (over()) break;
      await daemon.killAndStart();
      kills += 1;
    }
    await moved;
    await assertWhole(world, spec, n);
  }
  t.diagnostic(`${kills} kills`);
});
