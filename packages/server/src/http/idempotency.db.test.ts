import assert from "node:assert/strict";
import { after, test } from "node:test";
import { assertProblem, startTestServer } from "./testing/running-server.ts";

// Before the database's own: hooks run in the order in which they are set.
after(() => server[Symbol.asyncDispose]());
const server = await startTestServer();

const body = {
  goal: "Write it down",
  contractType: "single",
  repositories: [{ kind: "managed" }],
  task: { agent: "sim" },
};

function create(key: string, overrides: object = {}) {
  return server.call("POST", "/contracts", {
    body: { ...body, ...overrides },
    headers: { "idempotency-key": key },
  });
}

async function contracts(): Promise<number> {
  const page = (await (await server.call("GET", "/contracts?limit=500")).json()) as { items: unknown[] };
  return page.items.length;
}

test("the same key and body answer the same and do it once", async () => {
  const before = await contracts();
  const first = await create("one");
  const second = await create("one");
  assert.equal(first.status, 201);
  assert.equal(second.status, 201);
  assert.equal(first.headers.get("idempotency-replayed"), null);
  assert.equal(second.headers.get("idempotency-replayed"), "true");
  assert.deepEqual(await second.json(), await first.json());
  assert.equal(await contracts(), before + 1);
});

test("many at once with one key do it once", async () => {
  const before = await contracts();
  const answers = await Promise.all(Array.from({ length: 8 }, () => create("crowd")));
  const ids = await Promise.all(
    answers.map(async (answer) => ((await answer.json()) as { contract: { id: string } }).contract.id),
  );
  assert.equal(new Set(ids).size, 1);
  assert.equal(await contracts(), before + 1);
});

test("the same key with another body is a mismatch", async () => {
  assert.equal((await create("two")).status, 201);
  await assertProblem(await create("two", { goal: "Something else" }), "IDEMPOTENCY_MISMATCH");
});

test("what was refused leaves no key behind", async () => {
  await assertProblem(await create("three", { contractType: "unknown" }), "VALIDATION_FAILED");
  assert.equal((await create("three")).status, 201);
});

test("a key of one owner is nothing to a key's client elsewhere, and one that is none is refused", async () => {
  await assertProblem(await create("has space"), "VALIDATION_FAILED");
  await assertProblem(await create("x".repeat(300)), "VALIDATION_FAILED");
});

test("acting twice under one key acts once", async () => {
  const made = (await (await create("four")).json()) as { contract: { id: string } };
  const start = () =>
    server.call("POST", `/contracts/${made.contract.id}/start`, { headers: { "idempotency-key": "start" } });
  assert.equal((await start()).status, 200);
  assert.equal((await start()).status, 200);
  await assertProblem(
    await server.call("POST", `/contracts/${made.contract.id}/start`),
    "INVALID_TRANSITION",
  );
});
