import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeServer, FakeProblem, type FakeServer } from "../run/testing/fake-server.ts";
import { makima, startMakima } from "../run/testing/makima.ts";
import { contractView, doneTask, entry, questionView, taskView } from "../run/testing/views.ts";

/** A server with one running task of two entries. */
async function serverWithTask(more: Parameters<typeof fakeServer>[0] = {}): Promise<FakeServer> {
  const server = await fakeServer({
    listDaemons: () => ({ items: [], nextCursor: null }),
    listTasks: () => ({ items: [taskView({ name: "a\tb\u001b[2J" })], nextCursor: null }),
    ...more,
  });
  server.tell(
    taskView(),
    entry(1, { content: "one\ntwo" }),
    entry(2, { messageType: "error", content: "bad" }),
  );
  return server;
}

test("a piped list has tabs, no header, no colour, plain words and ISO times", async () => {
  await using server = await serverWithTask();
  const ran = await makima(["tasks", "list", "--status", "running"], { server });
  assert.equal(ran.code, 0, ran.stderr);
  assert.equal(ran.stdout, "t-91c2\ta\\tb[2J\trunning\t1\tsim\t0.12\t2026-11-20T14:00:00.000Z\t\n");
  assert.deepEqual(server.askedOf("listTasks")[0]?.query, { limit: 30, status: "running" });
});

test("--json gives what the API gives, cut to the fields that were asked for, and tells which there are", async () => {
  await using server = await serverWithTask();
  const [all, some, names, wrong] = await Promise.all([
    makima(["task", "show", "t-91c2", "--json"], { server }),
    makima(["tasks", "list", "--json=shortId,status"], { server }),
    makima(["tasks", "list", "--json=?"]),
    makima(["tasks", "list", "--json=shortid2"]),
  ]);
  assert.equal((JSON.parse(all.stdout) as { id: string }).id, taskView().id, all.stderr);
  assert.deepEqual(JSON.parse(some.stdout), {
    items: [{ shortId: "t-91c2", status: "running" }],
    nextCursor: null,
  });
  assert.ok(names.stdout.split("\n").includes("shortId"), "and needs no server");
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /--json=shortId/);
});

test("logs print the history once, one entry a line where it is piped", async () => {
  await using server = await serverWithTask();
  const [piped, json, tail] = await Promise.all([
    makima(["tasks", "logs", "t-91c2"], { server }),
    makima(["tasks", "logs", "t-91c2", "--json", "--type", "error"], { server }),
    makima(["tasks", "logs", "-n", "1"], { server, env: { MAKIMA_TASK_ID: "t-91c2" } }),
  ]);
  assert.equal(
    piped.stdout,
    "1\t2026-11-20T14:00:01.000Z\tassistant\t\tone\\ntwo\n2\t2026-11-20T14:00:02.000Z\terror\t\tbad\n",
  );
  assert.equal((JSON.parse(json.stdout) as { seq: number }).seq, 2);
  assert.match(tail.stdout, /^2\t/);
});

test("logs -f goes on until the task is over, without gap or double", async () => {
  await using server = await serverWithTask();
  const run = startMakima(["tasks", "logs", "-f", "t-91c2"], { server });
  await run.line("2\t");
  server.tell(doneTask({ lastSeq: 3 }), entry(3, { content: "three" }));
  const ran = await run.ended;
  assert.equal(ran.code, 0, ran.stderr);
  assert.deepEqual(
    ran.stdout
      .trimEnd()
      .split("\n")
      .map((line) => line.split("\t")[0]),
    ["1", "2", "3"],
  );
  assert.match(ran.stderr, /✔ done/);
});

test("Ctrl-C while following says that the work goes on, and stops nothing", async () => {
  await using server = await serverWithTask();
  const run = startMakima(["tasks", "logs", "-f", "t-91c2"], { server });
  await run.line("2\t");
  server.tell(taskView(), entry(3, { content: "followed" }));
  await run.line("followed");
  run.kill("SIGINT");
  const ran = await run.ended;
  assert.equal(ran.code, 130, ran.stderr);
  assert.match(ran.stderr, /the task goes on/);
  assert.deepEqual(server.askedOf("pauseTask"), []);
});

test("each action calls its route with an idempotency key and says what became of the task", async () => {
  await using server = await serverWithTask({
    pauseTask: () => taskView({ status: "paused" }),
    resumeTask: () => taskView({ status: "pending" }),
    continueTask: () => taskView({ status: "pending" }),
    cancelTask: () => taskView({ status: "cancelled" }),
    retryTask: () => taskView({ status: "pending" }),
    retryCompletionAction: () => doneTask(),
    messageTask: () => taskView(),
  });
  const table: [string[], Parameters<FakeServer["askedOf"]>[0], unknown][] = [
    [["pause", "t-91c2"], "pauseTask", undefined],
    [["resume", "t-91c2"], "resumeTask", undefined],
    [
      ["continue", "t-91c2", "-i", "5", "--message", "Use UTC"],
      "continueTask",
      { moreIterations: 5, instruction: "Use UTC" },
    ],
    [["cancel", "t-91c2"], "cancelTask", undefined],
    [["retry", "t-91c2"], "retryTask", undefined],
    [["retry-completion-action", "t-91c2"], "retryCompletionAction", undefined],
    [["message", "t-91c2", "Use", "UTC"], "messageTask", { text: "Use UTC" }],
  ];
  await Promise.all(
    table.map(async ([args, route, body]) => {
      const ran = await makima(["tasks", ...args], { server });
      assert.equal(ran.code, 0, ran.stderr);
      const [asked] = server.askedOf(route);
      assert.deepEqual(asked?.body, body, route);
      assert.equal(asked?.params["id"], "t-91c2");
      assert.ok(asked?.idempotencyKey);
      assert.match(ran.stdout, /^t-91c2\t/);
    }),
  );
});

test("--wait waits for the task's rest and gives its exit code; --timeout bounds it", async () => {
  await using server = await serverWithTask({
    resumeTask: () => {
      setImmediate(() =>
        server.tell(taskView({ status: "failed", error: { kind: "crash", message: "It broke" } })),
      );
      return taskView({ status: "pending" });
    },
    retryTask: () => taskView({ status: "pending" }),
  });
  const slow = await makima(["tasks", "retry", "t-91c2", "--timeout", "50ms"], { server });
  assert.equal(slow.code, 124);
  assert.match(slow.stderr, /the task goes on/);
  const failed = await makima(["tasks", "resume", "t-91c2", "--wait"], { server });
  assert.equal(failed.code, 1, failed.stderr);
});

test("errors of the API are exit codes: unknown 3, conflict 5, no key 4, no server 7", async () => {
  await using server = await serverWithTask({
    pauseTask: () => {
      throw new FakeProblem("INVALID_TRANSITION", "A done task cannot be paused.");
    },
  });
  const table: [string[], number, Record<string, string>][] = [
    [["tasks", "show", "t-zzzz"], 3, {}],
    [["tasks", "pause", "t-91c2"], 5, {}],
    [["tasks", "list"], 4, { MAKIMA_API_KEY: "mk_wrong" }],
    [["tasks", "list"], 7, { MAKIMA_API_URL: "http://127.0.0.1:9" }],
    [["tasks", "show"], 2, {}],
    [["tasks", "lits"], 2, {}],
    [["tasks", "list", "--statsu", "done"], 2, {}],
  ];
  await Promise.all(
    table.map(async ([args, code, env]) => {
      const ran = await makima(args, { server, env });
      assert.equal(ran.code, code, `${args.join(" ")}: ${ran.stderr}`);
    }),
  );
});

test("contracts: completed ones are hidden unless asked for, and a table is tabs where it is piped", async () => {
  const items = [contractView(), contractView({ shortId: "c-9999", status: "completed" })];
  await using server = await serverWithTask({ listContracts: () => ({ items, nextCursor: null }) });
  const [some, all, compact, json] = await Promise.all([
    makima(["contracts", "list"], { server }),
    makima(["contract", "list", "--status", "all"], { server }),
    makima(["contracts", "list", "--format", "compact"], { server }),
    makima(["contracts", "list", "--format", "json"], { server }),
  ]);
  assert.equal(
    some.stdout,
    "c-7f3a\tFix the date test\texecute\tactive\t0/1\t0.12\t2026-11-20T14:00:00.000Z\t\n",
  );
  assert.equal(all.stdout.trimEnd().split("\n").length, 2);
  assert.equal(compact.stdout, "c-7f3a active Fix the date test\n");
  assert.equal((JSON.parse(json.stdout) as { items: unknown[] }).items.length, 1);
});

test("a question is answered by its choice's number or in words, and twice is a conflict", async () => {
  let answered = false;
  await using server = await serverWithTask({
    listQuestions: () => ({ items: answered ? [] : [questionView()], nextCursor: null }),
    answerQuestion: ({ body }) => {
      if (answered) throw new FakeProblem("ALREADY_ANSWERED", "It was answered with Half up.");
      answered = true;
      return questionView({ status: "answered", answer: body.answer });
    },
  });
  assert.match((await makima(["inbox"], { server })).stdout, /^q-204a\tquestion\topen/);
  assert.equal((await makima(["inbox", "answer", "q-204a", "7"], { server })).code, 2);
  assert.equal((await makima(["questions", "answer", "q-20", "2"], { server })).code, 0);
  assert.deepEqual(server.askedOf("answerQuestion")[0]?.body, { answer: "Bankers" });
  assert.equal((await makima(["inbox", "answer", "q-204a", "1"], { server })).code, 5);
});
