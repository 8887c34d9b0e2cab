import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Route } from "@makima/protocol/api/route";
import { routes, type RouteId } from "@makima/protocol/api/routes";
import { problemSchema } from "@makima/protocol/problem";
import { createApiKey } from "../jobs/api-keys.ts";
import { authenticateSubject } from "../jobs/authenticate.ts";
import { scopeOf } from "./access.ts";
import { connectDaemon, makeTask } from "./testing/fake-daemon.ts";
import { assertProblem, startTestServer, type TestServer } from "./testing/running-server.ts";

const all = Object.values(routes) as Route[];
const guarded = all.filter((route) => route.access !== "public");

/** A body that is valid, for each route that has one. */
const BODIES: Partial<Record<RouteId, unknown>> = {
  createContract: {
    goal: "x",
    contractType: "single",
    repositories: [{ kind: "local", path: "/x", hostId: "h" }],
  },
  createTask: { plan: "x" },
  continueTask: {},
  messageTask: { text: "x" },
  drainDaemon: { draining: false },
  submitAuthCode: { agent: "claude" },
  answerQuestion: { answer: "x" },
  createApiKey: { name: "x" },
  createSession: { key: "mk_x" },
};

interface Ids {
  contractId: string;
  taskId: string;
  daemonId: string;
  keyId: string;
}

// Before the database's own: hooks run in the order in which they are set.
after(() => server[Symbol.asyncDispose]());
const server = await startTestServer();
const daemon = await connectDaemon(server);
const made = await makeTask(server);
const spec = await daemon.spawn();
assert.equal(spec.taskId, made.taskId);
const taskKey = spec.apiKey;
const own: Ids = { ...made, daemonId: daemon.hello.daemonId, keyId: (await server.makeKey()).id };
const otherContract = await makeTask(server, { start: false });
const stranger = await authenticateSubject(server.server.deps, {
  issuer: "test",
  subject: "stranger",
  scopes: ["read", "write", "approve", "admin"],
});
assert.ok(stranger.ok);
const { key: strangerKey } = await server.makeKey({}, stranger.value);

function pathFor(route: Route, ids: Ids): string {
  const id = route.path.startsWith("/contracts")
    ? ids.contractId
    : route.path.startsWith("/mesh/tasks")
      ? ids.taskId
      : route.path.startsWith("/mesh/daemons")
        ? ids.daemonId
        : route.path.startsWith("/api-keys")
          ? ids.keyId
          : "q-none";
  return route.path.replace(":id", id);
}

function send(route: Route, ids: Ids, options: Parameters<TestServer["call"]>[2] = {}): Promise<Response> {
  const body = BODIES[route.id as RouteId];
  return server.call(route.method, pathFor(route, ids), {
    ...(body === undefined ? {} : { body }),
    ...options,
  });
}

test("every route with a body is walked with a valid one", () => {
  for (const route of all) assert.equal(route.id in BODIES, route.body !== undefined, route.id);
});

test("without a key every route but the public ones is UNAUTHORIZED", async () => {
  assert.ok(guarded.length >= 30);
  for (const route of guarded) {
    const response = await send(route, own, { key: null });
    assert.ok(response.headers.get("www-authenticate"), route.id);
    await assertProblem(response, "UNAUTHORIZED");
  }
});

test("a wrong, revoked or expired key is UNAUTHORIZED everywhere", async () => {
  const revoked = await server.makeKey();
  assert.equal((await server.call("DELETE", `/api-keys/${revoked.id}`)).status, 204);
  const past = { ...server.server.deps, now: () => Date.now() - 3_600_000 };
  const expired = await createApiKey(past, server.owner, { name: "x", kind: "person", expiresInSecs: 1 });
  assert.ok(expired.ok);
  const wrong = [
    `${server.key}x`,
    server.key.slice(0, -1),
    "mk_",
    "nonsense",
    revoked.key,
    expired.value.key,
  ];
  for (const key of wrong) {
    for (const route of key === revoked.key || key === expired.value.key ? guarded : guarded.slice(0, 3)) {
      await assertProblem(await send(route, own, { key }), "UNAUTHORIZED");
    }
  }
});

test("another owner's ids are not found, whatever is asked of them", async () => {
  const withId = guarded.filter((route) => route.params);
  assert.ok(withId.length >= 20);
  for (const route of withId) {
    const response = await send(route, own, { key: strangerKey });
    assert.equal(response.status, 404, `${route.id}: ${await response.clone().text()}`);
    assert.match(problemSchema.parse(await response.json()).code, /_NOT_FOUND$/);
  }
});

test("another owner's lists are empty", async () => {
  for (const path of ["/contracts", "/mesh/tasks", "/mesh/daemons", "/questions"]) {
    const page = (await (await server.call("GET", path, { key: strangerKey })).json()) as {
      items: unknown[];
    };
    assert.deepEqual(page.items, [], path);
  }
});

test("a task's key reaches only routes that name tasks, and of those only its own contract", async () => {
  for (const route of guarded) {
    if (!route.access.includes("task")) {
      await assertProblem(await send(route, own, { key: taskKey }), "FORBIDDEN");
      continue;
    }
    if (!route.params) continue;
    const response = await send(route, own, { key: taskKey });
    assert.ok(response.status === 200 || response.status === 409, `${route.id}: ${response.status}`);
    const other = await send(route, { ...own, ...otherContract }, { key: taskKey });
    assert.equal(other.status, 404, route.id);
  }
});

test("a key with only `read` changes nothing, and one with only `write` is no admin", async () => {
  const { key: reader } = await server.makeKey({ scopes: ["read"] });
  const { key: writer } = await server.makeKey({ scopes: ["read", "write"] });
  for (const route of guarded) {
    const scope = scopeOf(route);
    if (scope === "write" || scope === "admin") {
      await assertProblem(await send(route, own, { key: reader }), "FORBIDDEN");
    }
    if (scope === "admin") await assertProblem(await send(route, own, { key: writer }), "FORBIDDEN");
  }
});

test("a foreign Host or Origin is FORBIDDEN on every route, with or without a key", async () => {
  for (const route of all) {
    const response = await send(route, own, { headers: { origin: "https://evil.example" } });
    await assertProblem(response, "FORBIDDEN");
  }
});

test("an id that is none is not found, and a NUL in it is not valid", async () => {
  await assertProblem(await server.call("GET", "/contracts/c-zzzz"), "CONTRACT_NOT_FOUND");
  await assertProblem(await server.call("GET", "/mesh/tasks/t-zzzz"), "TASK_NOT_FOUND");
  await assertProblem(await server.call("GET", "/mesh/tasks/t%00z"), "VALIDATION_FAILED");
  await assertProblem(await server.call("GET", `/mesh/tasks/${"x".repeat(150)}`), "VALIDATION_FAILED");
});

test("a contract and a task have their version as ETag", async () => {
  for (const path of [`/contracts/${own.contractId}`, `/mesh/tasks/${own.taskId}`]) {
    const response = await server.call("GET", path);
    const { version } = (await response.json()) as { version: number };
    assert.equal(response.headers.get("etag"), `"v${version}"`);
  }
});

test("pages are linked to the next one until there is none", async () => {
  const seen: string[] = [];
  let path = "/contracts?limit=1";
  for (;;) {
    const response = await server.call("GET", path);
    const { items } = (await response.json()) as { items: { id: string }[] };
    seen.push(...items.map(({ id }) => id));
    const link = response.headers.get("link");
    if (!link) break;
    path = /<\/api\/v1(.*)>/.exec(link)?.[1] ?? "";
  }
  assert.ok(seen.length >= 2);
  assert.equal(new Set(seen).size, seen.length);
});

test("whoami says who a key is", async () => {
  const person = (await (await server.call("GET", "/auth/whoami")).json()) as Record<string, unknown>;
  assert.equal(person["principal"], "person");
  assert.equal(person["ownerName"], "local");
  const run = (await (await server.call("GET", "/auth/whoami", { key: taskKey })).json()) as Record<
    string,
    unknown
  >;
  assert.deepEqual(
    [run["principal"], run["taskId"], run["contractId"]],
    ["task", own.taskId, own.contractId],
  );
});
