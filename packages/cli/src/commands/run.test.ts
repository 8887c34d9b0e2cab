import assert from "node:assert/strict";
import { test } from "node:test";
import { hostId } from "@makima/daemon/host-id";
import type { DaemonView } from "@makima/protocol/api/mesh";
import type { TaskView } from "@makima/protocol/api/task-schema";
import { fakeServer, FakeProblem, type FakeServer } from "../run/testing/fake-server.ts";
import { makima, startMakima, type RanMakima } from "../run/testing/makima.ts";
import { scratch } from "../run/testing/scratch-repository.ts";
import { contractView, doneTask, entry, questionView, taskView } from "../run/testing/views.ts";

const DAEMON: DaemonView = {
  id: "d",
  name: "here",
  hostId: hostId(),
  hostname: "here",
  labels: [],
  slots: 4,
  running: 0,
  connected: true,
  draining: false,
  version: "0.1.0",
  agents: [{ name: "sim", available: true }],
  authRequired: [],
  lastSeenAt: "2026-11-20T14:00:00.000Z",
};
const SIM = ["run", "Fix the date", "--agent", "sim", "--agent-script", "happy"];

/** A server that takes a contract and, once it is made, lets `then` tell the rest. */
async function serverFor(
  then: (server: FakeServer, task: TaskView) => void,
  more: Parameters<typeof fakeServer>[0] = {},
): Promise<FakeServer> {
  const server: FakeServer = await fakeServer({
    listDaemons: () => ({ items: [DAEMON], nextCursor: null }),
    createContract: () => {
      const task = taskView({ status: "pending", iteration: 0 });
      server.tell(task);
      setImmediate(() => then(server, task));
      return { contract: contractView(), tasks: [task] };
    },
    ...more,
  });
  return server;
}

function lastObject({ stdout }: RanMakima): Record<string, unknown> {
  return JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "null") as Record<string, unknown>;
}

test("a run makes one contract in one request, streams, and ends with the result object", async () => {
  using repository = scratch("commits");
  await using server = await serverFor((server) => {
    server.tell(taskView(), entry(1, { messageType: "iteration", content: "[iteration 1/10]" }));
    server.tell(doneTask({ lastSeq: 2 }), entry(2, { content: "Done." }));
  });
  const ran = await makima([...SIM, "--json", "--require-tests", "-i", "4"], {
    server,
    cwd: repository.path,
  });
  assert.equal(ran.code, 0, ran.stderr);
  const { durationMs, ...result } = lastObject(ran);
  assert.equal(typeof durationMs, "number");
  const done = doneTask();
  assert.deepEqual(result, {
    type: "result",
    contractId: done.contractId,
    taskId: done.id,
    status: "done",
    reason: "the test passes",
    iterations: 2,
    gate: done.gate,
    evidence: done.evidence,
    branch: done.branch,
    commit: "b".repeat(40),
    merged: false,
    changedFiles: ["src/date.ts"],
    costUsd: 0.12,
    tokens: { input: 100, output: 20, cache: 1000 },
  });
  const [made, ...others] = server.askedOf("createContract");
  assert.deepEqual(others, []);
  assert.match(made?.idempotencyKey ?? "", /^[0-9a-f-]{36}$/);
  const body = made?.body as Record<string, unknown>;
  assert.equal(body["contractType"], "single");
  assert.equal(body["start"], true);
  assert.deepEqual(body["repositories"], [
    { kind: "local", path: repository.path, hostId: hostId(), baseBranch: "main", isPrimary: true },
  ]);
  assert.equal((body["options"] as { requireTests: boolean }).requireTests, true);
  assert.equal((body["task"] as { maxIterations: number }).maxIterations, 4);
  const events = ran.stdout
    .trimEnd()
    .split("\n")
    .map((line) => (JSON.parse(line) as { type: string }).type);
  assert.equal(events[0], "started");
  assert.equal(events.filter((type) => type === "entry").length, 2);
});

test("a person reads lines and a summary, without a control sequence where no terminal is", async () => {
  using repository = scratch("commits");
  repository.write("loose.txt", "x");
  await using server = await serverFor((server) => {
    server.tell(doneTask(), entry(1, { content: "Look: \u001b[31mred" }));
  });
  const ran = await makima(SIM, { server, cwd: repository.path });
  assert.equal(ran.code, 0, ran.stderr);
  assert.match(ran.stdout, /1 file with uncommitted changes: not part of the base/);
  assert.match(ran.stdout, / Look: red\n/);
  assert.match(ran.stdout, /✔ Done \(simulated\): Fix the date test/);
  assert.ok(!ran.stdout.includes("\u001b"));
});

test("how the task ended is the exit code", async () => {
  const table: [Partial<TaskView>, number, string][] = [
    [{ status: "failed", error: { kind: "crash", message: "It broke." } }, 1, "failed"],
    [{ status: "cancelled" }, 1, "cancelled"],
    [{ status: "blocked", blockedBy: "circuit_breaker", blockedDetail: "No file changes" }, 6, "blocked"],
    [{ status: "paused" }, 6, "paused"],
  ];
  await Promise.all(
    table.map(async ([ending, code, status]) => {
      using repository = scratch("commits");
      await using server = await serverFor((server) => server.tell(taskView(ending)));
      const ran = await makima([...SIM, "--json"], { server, cwd: repository.path });
      assert.equal(ran.code, code, ran.stderr);
      assert.equal(lastObject(ran)["status"], status);
    }),
  );
});

test("a question that nobody can be asked ends the run with exit 6 and the command that answers it", async () => {
  using repository = scratch("commits");
  await using server = await serverFor(
    (server) =>
      server.tell(taskView(), entry(1, { messageType: "supervisor_question", content: "Half up?" })),
    { listQuestions: () => ({ items: [questionView()], nextCursor: null }) },
  );
  const ran = await makima(SIM, { server, cwd: repository.path });
  assert.equal(ran.code, 6, ran.stderr);
  assert.match(ran.stdout, /1 {2}Half up\n/);
  assert.match(ran.stdout, /Next {6}makima inbox answer q-204a 1/);
  assert.deepEqual(server.askedOf("pauseTask"), []);
});

test("Ctrl-C pauses the task, waits until it has stopped, and says how to go on", async () => {
  using repository = scratch("commits");
  await using server = await serverFor((server) => server.tell(taskView()), {
    pauseTask: () => {
      setImmediate(() =>
        server.tell(
          taskView({ status: "paused" }),
          entry(1, { messageType: "checkpoint", content: "checkpoint 1" }),
        ),
      );
      return taskView({ pauseRequested: true });
    },
  });
  const run = startMakima(SIM, { server, cwd: repository.path });
  await run.line("Ctrl-C pauses");
  run.kill("SIGINT");
  const ran = await run.ended;
  assert.equal(ran.code, 130, ran.stderr);
  assert.equal(server.askedOf("pauseTask").length, 1);
  assert.match(ran.stdout, /checkpoint 1/);
  assert.match(ran.stdout, /Next {6}makima tasks resume t-91c2/);
});

test("a second Ctrl-C leaves at once and says that the work goes on stopping", async () => {
  using repository = scratch("commits");
  await using server = await serverFor((server) => server.tell(taskView()), {
    pauseTask: () => taskView({ pauseRequested: true }),
  });
  const run = startMakima(SIM, { server, cwd: repository.path });
  await run.line("Ctrl-C pauses");
  run.kill("SIGINT");
  await run.line("Ctrl-C again");
  run.kill("SIGINT");
  const ran = await run.ended;
  assert.equal(ran.code, 130, ran.stderr);
  assert.match(ran.stdout, /still stopping/);
});

test("a time-out pauses too and exits 124", async () => {
  using repository = scratch("commits");
  await using server = await serverFor((server) => server.tell(taskView()), {
    pauseTask: () => {
      setImmediate(() => server.tell(taskView({ status: "paused" })));
      return taskView({ pauseRequested: true });
    },
  });
  const ran = await makima([...SIM, "--timeout", "50ms", "--json"], { server, cwd: repository.path });
  assert.equal(ran.code, 124, ran.stderr);
  assert.equal(lastObject(ran)["reason"], "The time given with --timeout is over.");
});

test("a connection that breaks in the middle loses and doubles no line", async () => {
  using repository = scratch("commits");
  await using server = await serverFor((server) => server.tell(taskView(), entry(1, { content: "one" })));
  const run = startMakima([...SIM, "--json"], { server, cwd: repository.path });
  await run.line('"content":"one"');
  server.breakSockets();
  server.tell(taskView(), entry(2, { content: "two" }));
  server.tell(doneTask({ lastSeq: 3 }), entry(3, { content: "three" }));
  const ran = await run.ended;
  assert.equal(ran.code, 0, ran.stderr);
  const events = ran.stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { type: string; content?: string });
  assert.deepEqual(
    events.filter(({ type }) => type === "entry").map(({ content }) => content),
    ["one", "two", "three"],
  );
});

test("nothing is asked of a server while the input is wrong", async () => {
  using repository = scratch("commits");
  using folder = scratch("folder");
  await using server = await serverFor(() => {});
  const table: [string[], string, number][] = [
    [["run"], repository.path, 2],
    [["run", "x", "--plan-file", "y"], repository.path, 2],
    [["run", "x", "--agent", "sim"], folder.path, 2],
    [["run", "x", "--agent", "sim", "--base", "mian"], repository.path, 2],
    [["run", "x", "--agent", "sim", "--agent-script", "hapy"], repository.path, 2],
    [["run", "x", "--agent", "gpt"], repository.path, 2],
    [["run", "x", "--max-iteration", "3"], repository.path, 2],
    [["run", "x"], repository.path, 1],
  ];
  await Promise.all(
    table.map(async ([args, cwd, code]) => {
      // Real git, and no claude.
      const ran = await makima(args, { server, cwd, env: { PATH: "/usr/bin:/bin" } });
      assert.equal(ran.code, code, `${args.join(" ")}\n${ran.stderr}`);
      assert.notEqual(ran.stderr, "");
    }),
  );
  assert.deepEqual(server.asked, []);
});

test("a server without a daemon of this machine is refused before anything is made", async () => {
  using repository = scratch("commits");
  const unable = {
    ...DAEMON,
    agents: [{ name: "sim" as const, available: false, problem: "its files are gone" }],
  };
  const table: [DaemonView[], number, RegExp][] = [
    [[{ ...DAEMON, hostId: "elsewhere" }], 7, /no daemon on this machine/],
    [[{ ...DAEMON, connected: false }], 7, /no daemon on this machine/],
    [[unable], 1, /its files are gone/],
    [
      [{ ...DAEMON, authRequired: [{ agent: "sim", message: "sim is signed out on here." }] }],
      6,
      /signed out/,
    ],
  ];
  await Promise.all(
    table.map(async ([items, code, about]) => {
      await using server = await serverFor(() => {}, { listDaemons: () => ({ items, nextCursor: null }) });
      const ran = await makima(SIM, { server, cwd: repository.path });
      assert.equal(ran.code, code, ran.stderr);
      assert.match(ran.stderr, about);
      assert.deepEqual(server.askedOf("createContract"), []);
    }),
  );
});

test("what the server refuses is told in its words", async () => {
  using repository = scratch("commits");
  await using server = await serverFor(() => {}, {
    createContract: () => {
      throw new FakeProblem("NO_DAEMON", "No daemon runs claude.");
    },
  });
  const ran = await makima([...SIM, "--json"], { server, cwd: repository.path });
  assert.equal(ran.code, 5);
  assert.equal((JSON.parse(ran.stderr) as { code: string }).code, "NO_DAEMON");
});
