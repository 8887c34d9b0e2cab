import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import type { Report } from "@makima/protocol/daemon-wire";
import {
  codeOf,
  ended,
  openWorld,
  runName,
  started,
  valueOf,
  type FakeDaemon,
  type World,
} from "../testing/world.ts";
import { answerQuestion } from "./answer-question.ts";
import { cancelTask } from "./cancel-task.ts";
import { dispatch } from "./dispatch.ts";
import { listQuestions } from "./questions.ts";
import { showContract } from "./show-contract.ts";
import { showTask } from "./show-task.ts";
import { startJobs } from "./start-jobs.ts";
import { wakeTasks } from "./wake.ts";

async function running(world: World, daemon: FakeDaemon) {
  await world.contract();
  await dispatch(world.deps);
  const spec = (await daemon.specs()).at(-1);
  assert.ok(spec);
  await daemon.report(...started(spec));
  return spec;
}

const show = async (world: World, id: string) => valueOf(await showTask(world.deps, world.caller, { id }));
type Spec = Parameters<typeof runName>[0];

function asked(spec: Spec, questionId: string, kind: "question" | "permission" = "question"): Report {
  return {
    type: "questionAsked",
    ...runName(spec),
    questionId,
    kind,
    question: "Which one?",
    choices: [{ label: "a" }, { label: "b" }],
  };
}
const parked = (
  spec: Spec,
  reason: "question" | "auth" | "usage_limit" | "paused",
  wakeAt?: number,
): Report => ended(spec, { type: "parked", reason, ...(wakeAt === undefined ? {} : { wakeAt }) });

test("an answer to an agent that waits is sent to it; a parked one wakes and finds it in its next prompt", async () => {
  await using world = await openWorld();
  const daemon = await world.daemon();
  const spec = await running(world, daemon);
  const first = randomUUID();
  await daemon.report(asked(spec, first));
  const open = valueOf(await listQuestions(world.deps, world.caller, { limit: 10, status: "open" }));
  assert.deepEqual(
    open.items.map(({ id }) => id),
    [first],
  );
  valueOf(
    await answerQuestion(world.deps, world.caller, {
      id: open.items[0]?.shortId ?? "",
      answer: "a",
      note: "please",
    }),
  );
  const [command] = await daemon.commandsOf("answerQuestion");
  assert.deepEqual(command, {
    type: "answerQuestion",
    ...runName(spec),
    questionId: first,
    answer: "a",
    note: "please",
  });
  await daemon.report({
    type: "questionClosed",
    ...runName(spec),
    questionId: first,
    why: "the agent has the answer",
  });

  const second = randomUUID();
  await daemon.report(asked(spec, second), parked(spec, "question"));
  assert.equal((await show(world, spec.taskId)).blockedBy, "question");
  valueOf(await answerQuestion(world.deps, world.caller, { id: second, answer: "b" }));
  assert.equal((await show(world, spec.taskId)).status, "pending");
  await dispatch(world.deps);
  const next = (await daemon.specs()).at(-1);
  assert.equal(next?.epoch, 2);
  assert.equal(next?.attempt, 1);
  assert.deepEqual(
    next?.messages.map(({ text }) => text),
    ['Answer to your question "Which one?": b'],
  );
});

test("an answer that came a moment before the agent gave up waiting is not slept through", async () => {
  await using world = await openWorld();
  const daemon = await world.daemon();
  const spec = await running(world, daemon);
  const id = randomUUID();
  await daemon.report(asked(spec, id));
  valueOf(await answerQuestion(world.deps, world.caller, { id, answer: "a" }));
  await daemon.report(parked(spec, "question"));
  assert.equal((await show(world, spec.taskId)).status, "pending");
  await dispatch(world.deps);
  assert.equal((await daemon.specs()).at(-1)?.messages.length, 1);
});

test("an answer and a park at once wake the task, whoever comes first", async () => {
  await using world = await openWorld();
  const daemon = await world.daemon({ slots: 50 });
  for (let round = 0; round < 8; round += 1) {
    const spec = await running(world, daemon);
    const id = randomUUID();
    await daemon.report(asked(spec, id));
    await Promise.all([
      answerQuestion(world.deps, world.caller, { id, answer: "a" }),
      daemon.report(parked(spec, "question")),
    ]);
    assert.equal((await show(world, spec.taskId)).status, "pending");
    valueOf(await cancelTask(world.deps, world.caller, { id: spec.taskId }));
  }
});

test("of many answers exactly one wins, and the others are told whose", async () => {
  await using world = await openWorld();
  const daemon = await world.daemon();
  const spec = await running(world, daemon);
  const id = randomUUID();
  await daemon.report(asked(spec, id));
  const outcomes = await Promise.all(
    Array.from({ length: 8 }, (_, n) =>
      answerQuestion(world.deps, world.caller, { id, answer: `answer ${n}` }),
    ),
  );
  const won = outcomes.filter((outcome) => outcome.ok);
  assert.equal(won.length, 1);
  const lost = outcomes.find((outcome) => !outcome.ok);
  assert.ok(lost && !lost.ok);
  assert.equal(lost.refusal.code, "ALREADY_ANSWERED");
  assert.equal(lost.refusal.details?.["answeredBy"], "local");
  assert.equal((await daemon.commandsOf("answerQuestion")).length, 1);
});

test("a permission that waits when its run ends is closed: it is asked for again", async () => {
  await using world = await openWorld();
  const daemon = await world.daemon();
  const spec = await running(world, daemon);
  const id = randomUUID();
  await daemon.report(asked(spec, id, "permission"), parked(spec, "usage_limit", Date.now() + 60_000));
  assert.equal(
    codeOf(await answerQuestion(world.deps, world.caller, { id, answer: "allow" })),
    "INVALID_TRANSITION",
  );
});

test("a login that is restored wakes every task that waits for it on that daemon, also one that parks a moment later", async () => {
  await using world = await openWorld();
  const daemon = await world.daemon();
  const one = await running(world, daemon);
  const two = await running(world, daemon);
  const three = await running(world, daemon);
  const login = { type: "authRequired", agent: "sim", hostname: "host", message: "Sign in" } as const;
  await daemon.report(login, parked(one, "auth"), parked(two, "auth"));
  assert.equal((await show(world, one.taskId)).blockedBy, "auth");
  const contract = valueOf(await showContract(world.deps, world.caller, { id: one.contractId ?? "" }));
  assert.equal(contract.status, "blocked");
  await world.contract();
  await dispatch(world.deps);
  assert.equal((await daemon.specs()).length, 3, "nothing is placed where nobody is signed in");
  await daemon.report({ type: "authRestored", agent: "sim" }, parked(three, "auth"));
  for (const spec of [one, two, three]) assert.equal((await show(world, spec.taskId)).status, "pending");
});

test("a task that parks for a login that nobody restored stays blocked", async () => {
  await using world = await openWorld();
  const daemon = await world.daemon();
  const login = { type: "authRequired", agent: "sim", hostname: "host", message: "Sign in" } as const;
  await daemon.report(login, { type: "authRestored", agent: "sim" });
  const spec = await running(world, daemon);
  // Restored before this run began: it does not help this run.
  await daemon.report(parked(spec, "auth"));
  assert.equal((await show(world, spec.taskId)).blockedBy, "auth");
});

test("a task whose limit ends at a time wakes by itself at that time", async () => {
  await using world = await openWorld();
  const daemon = await world.daemon();
  const spec = await running(world, daemon);
  await daemon.report(parked(spec, "usage_limit", Date.now() + 400));
  assert.equal((await show(world, spec.taskId)).blockedBy, "usage_limit");
  const wait = await wakeTasks(world.deps);
  assert.ok(wait !== undefined && wait <= 400);
  const jobs = await startJobs(world.deps);
  try {
    await daemon.greet({ commandsReceived: 1 });
    await new Promise<void>((resolve) => {
      world.deps.signals.on("taskChanged", (id) => id === spec.taskId && resolve());
    });
    assert.notEqual((await show(world, spec.taskId)).status, "blocked");
  } finally {
    await jobs.close();
  }
});
