import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import type { Caller, Deps } from "../deps.ts";
import type { Outcome } from "../outcome.ts";
import { codeOf, openWorld, runName, started, valueOf } from "../testing/world.ts";
import { answerQuestion } from "./answer-question.ts";
import { createApiKey, listApiKeys, revokeApiKey } from "./api-keys.ts";
import { authenticateKey, authenticateSession } from "./authenticate.ts";
import { cancelTask } from "./cancel-task.ts";
import { continueTask } from "./continue-task.ts";
import { createTask } from "./create-task.ts";
import { drainDaemon, listDaemons, showDaemon, submitAuthCode } from "./daemons.ts";
import { dispatch } from "./dispatch.ts";
import { contractStatuses, listContractEvents, listOwnerEvents } from "./events.ts";
import { listCheckpoints, listEvidence, listIterations, listTaskOutput } from "./history.ts";
import { listContracts } from "./list-contracts.ts";
import { listContractTasks, listTasks } from "./list-tasks.ts";
import { createLoginLink } from "./login-links.ts";
import { messageTask } from "./message-task.ts";
import { pauseTask } from "./pause-task.ts";
import { listQuestions } from "./questions.ts";
import { resumeTask } from "./resume-task.ts";
import { retryCompletionAction } from "./retry-completion-action.ts";
import { retryTask } from "./retry-task.ts";
import { createSession, endSession } from "./sessions.ts";
import { showContract } from "./show-contract.ts";
import { showTask } from "./show-task.ts";
import { startContract } from "./start-contract.ts";

type ById = (deps: Deps, caller: Caller, id: string) => Promise<Outcome<unknown>>;

const settings = {
  plan: "x",
  agent: "sim",
  completionAction: "branch",
  copyFiles: [],
  singleTask: false,
  labels: [],
  priority: 0,
  dependsOn: [],
} as const;
const ofContract: Record<string, ById> = {
  showContract: (deps, caller, id) => showContract(deps, caller, { id }),
  startContract: (deps, caller, id) => startContract(deps, caller, { id }),
  listContractTasks: (deps, caller, id) => listContractTasks(deps, caller, { id, limit: 10 }),
  listContractEvents: (deps, caller, id) => listContractEvents(deps, caller, { id, limit: 10 }),
  listTasks: (deps, caller, id) => listTasks(deps, caller, { contractId: id, limit: 10 }),
  createTask: (deps, caller, id) =>
    createTask(deps, caller, { id, ...settings, copyFiles: [], labels: [], dependsOn: [] }),
};
const ofTask: Record<string, ById> = {
  showTask: (deps, caller, id) => showTask(deps, caller, { id }),
  pauseTask: (deps, caller, id) => pauseTask(deps, caller, { id }),
  resumeTask: (deps, caller, id) => resumeTask(deps, caller, { id }),
  continueTask: (deps, caller, id) => continueTask(deps, caller, { id }),
  cancelTask: (deps, caller, id) => cancelTask(deps, caller, { id }),
  retryTask: (deps, caller, id) => retryTask(deps, caller, { id }),
  messageTask: (deps, caller, id) => messageTask(deps, caller, { id, text: "x" }),
  retryCompletionAction: (deps, caller, id) => retryCompletionAction(deps, caller, { id }),
  listTaskOutput: (deps, caller, id) => listTaskOutput(deps, caller, { id, limit: 10 }),
  listIterations: (deps, caller, id) => listIterations(deps, caller, { id }),
  listEvidence: (deps, caller, id) => listEvidence(deps, caller, { id }),
  listCheckpoints: (deps, caller, id) => listCheckpoints(deps, caller, { id, limit: 10 }),
  listQuestions: (deps, caller, id) => listQuestions(deps, caller, { taskId: id, limit: 10 }),
};
const ofDaemon: Record<string, ById> = {
  showDaemon: (deps, caller, id) => showDaemon(deps, caller, { id }),
  drainDaemon: (deps, caller, id) => drainDaemon(deps, caller, { id, draining: true }),
  submitAuthCode: (deps, caller, id) => submitAuthCode(deps, caller, { id, agent: "sim" }),
};

test("another owner's contracts, tasks, questions, daemons and keys are not found, by any job", async () => {
  await using world = await openWorld();
  const { deps, caller } = world;
  const stranger = await world.stranger();
  const daemon = await world.daemon();
  const { contract, tasks } = await world.contract();
  const [task] = tasks;
  assert.ok(task);
  await dispatch(deps);
  const [spec] = await daemon.specs();
  assert.ok(spec);
  const questionId = randomUUID();
  await daemon.report(...started(spec), {
    type: "questionAsked",
    ...runName(spec),
    questionId,
    kind: "question",
    question: "?",
    choices: [],
  });
  for (const id of [contract.id, contract.shortId, contract.shortId.slice(0, 4)]) {
    for (const [name, job] of Object.entries(ofContract)) {
      assert.equal(codeOf(await job(deps, stranger, id)), "CONTRACT_NOT_FOUND", `${name} ${id}`);
    }
  }
  for (const id of [task.id, task.shortId]) {
    for (const [name, job] of Object.entries(ofTask)) {
      assert.equal(codeOf(await job(deps, stranger, id)), "TASK_NOT_FOUND", `${name} ${id}`);
    }
  }
  for (const [name, job] of Object.entries(ofDaemon)) {
    assert.equal(codeOf(await job(deps, stranger, daemon.id)), "DAEMON_NOT_FOUND", name);
  }
  assert.equal(
    codeOf(await answerQuestion(deps, stranger, { id: questionId, answer: "x" })),
    "QUESTION_NOT_FOUND",
  );
  const key = valueOf(await createApiKey(deps, caller, { name: "k", kind: "person" }));
  assert.equal(codeOf(await revokeApiKey(deps, stranger, { id: key.id })), "API_KEY_NOT_FOUND");
  const page = { limit: 10 };
  assert.deepEqual(valueOf(await listContracts(deps, stranger, page)).items, []);
  assert.deepEqual(valueOf(await listTasks(deps, stranger, page)).items, []);
  assert.deepEqual(valueOf(await listDaemons(deps, stranger, page)).items, []);
  assert.deepEqual(valueOf(await listQuestions(deps, stranger, page)).items, []);
  assert.deepEqual(valueOf(await listApiKeys(deps, stranger)).items, []);
  assert.deepEqual(await listOwnerEvents(deps, stranger.ownerId, 0, 10), []);
  assert.deepEqual(await contractStatuses(deps, stranger.ownerId, [contract.id]), []);
});

test("a task's key reaches its own contract and nothing else", async () => {
  await using world = await openWorld();
  const { deps } = world;
  const daemon = await world.daemon({ slots: 1 });
  const own = await world.contract();
  const other = await world.contract();
  await dispatch(deps);
  const [spec] = await daemon.specs();
  assert.ok(spec);
  const agent = valueOf(await authenticateKey(deps, spec.apiKey));
  valueOf(await showContract(deps, agent, { id: own.contract.shortId }));
  assert.equal(codeOf(await showContract(deps, agent, { id: other.contract.id })), "CONTRACT_NOT_FOUND");
  assert.equal(codeOf(await showTask(deps, agent, { id: other.tasks[0]?.id ?? "" })), "TASK_NOT_FOUND");
});

test("a full id, a short id and a beginning that only one has are found; one that several have is not", async () => {
  await using world = await openWorld();
  const { deps, caller } = world;
  const { contract } = await world.contract();
  const find = (id: string) => showContract(deps, caller, { id });
  for (const id of [
    contract.id,
    contract.id.toUpperCase(),
    contract.shortId,
    contract.shortId.slice(2),
    contract.shortId.slice(0, 5),
    contract.id.slice(0, 13),
  ]) {
    assert.equal(valueOf(await find(id)).id, contract.id, id);
  }
  await world.contract();
  const several = await find(contract.id.slice(0, 6));
  assert.equal(codeOf(several), "CONTRACT_NOT_FOUND");
  assert.match(several.ok ? "" : several.refusal.detail, /More than one/);
  for (const id of ["c-%", "_", "'; drop table makima.task", "c-zzzzzzzz", "ffffff"]) {
    assert.equal(codeOf(await find(id)), "CONTRACT_NOT_FOUND", id);
  }
});

test("lists are pages that leave nothing out and repeat nothing", async () => {
  await using world = await openWorld();
  const { deps, caller } = world;
  for (let n = 0; n < 7; n += 1) await world.contract();
  const seen: string[] = [];
  let after: string | undefined;
  do {
    const page = valueOf(await listContracts(deps, caller, { limit: 3, after }));
    seen.push(...page.items.map(({ id }) => id));
    after = page.nextCursor ?? undefined;
  } while (after !== undefined);
  assert.equal(new Set(seen).size, 7);
  assert.deepEqual(seen, seen.toSorted().toReversed());
  assert.equal(codeOf(await listContracts(deps, caller, { limit: 3, after: "x" })), "VALIDATION_FAILED");
});

test("keys work until they are revoked or expire; login links and sessions work once and until their end", async () => {
  await using world = await openWorld();
  const { deps, caller } = world;
  const key = valueOf(await createApiKey(deps, caller, { name: "k", kind: "person", scopes: ["read"] }));
  const reader = valueOf(await authenticateKey(deps, key.key));
  assert.deepEqual(reader.scopes, ["read"]);
  assert.equal(
    codeOf(await createApiKey(deps, reader, { name: "k2", kind: "person", scopes: ["admin"] })),
    "FORBIDDEN",
  );
  assert.equal(
    codeOf(await createSession(deps, { key: key.key, ttlSecs: 60 })),
    "UNAUTHORIZED",
    "fewer scopes than a session has",
  );
  const ended = new Promise((resolve) => deps.signals.once("credentialEnded", resolve));
  valueOf(await revokeApiKey(deps, caller, { id: key.id }));
  assert.equal(await ended, key.id);
  assert.equal(codeOf(await authenticateKey(deps, key.key)), "UNAUTHORIZED");
  const link = valueOf(await createLoginLink(deps, caller, { publicUrl: "http://localhost" }));
  const session = valueOf(await createSession(deps, { code: link.code, ttlSecs: 60 }));
  assert.equal(codeOf(await createSession(deps, { code: link.code, ttlSecs: 60 })), "UNAUTHORIZED");
  const person = valueOf(await authenticateSession(deps, session.token));
  assert.equal(person.ownerId, caller.ownerId);
  valueOf(await endSession(deps, person));
  assert.equal(codeOf(await authenticateSession(deps, session.token)), "UNAUTHORIZED");
  const expired = valueOf(
    await createSession(deps, {
      code: valueOf(await createLoginLink(deps, caller, { publicUrl: "" })).code,
      ttlSecs: 0,
    }),
  );
  assert.equal(codeOf(await authenticateSession(deps, expired.token)), "UNAUTHORIZED");
});
