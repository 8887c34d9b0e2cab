import assert from "node:assert/strict";
import { createServer, type AddressInfo } from "node:net";
import { test } from "node:test";
import { routes } from "@makima/protocol/api/routes";
import { ProblemError, ServerUnreachable, UnexpectedAnswer } from "./client-error.ts";
import { createClient, pathOf, retryAfterMs } from "./rest.ts";
import { sendJson, serve } from "./testing/http-server.ts";
import { taskView } from "./testing/task.ts";

const HEALTH = { status: "ok", version: "0.1.0", instanceId: "i1", uptimeSecs: 1 };

test("a call goes to the route's path with the key, and gives the parsed answer", async () => {
  const task = taskView();
  await using server = await serve((_asked, response) => sendJson(response, 200, { ...task, addedLater: 1 }));
  const client = createClient({ url: `${server.url}/`, key: "secret" });
  assert.deepEqual(await client.call(routes.showTask, { params: { id: "a/b ?" } }), task);
  assert.equal(server.asked[0]?.path, "/api/v1/mesh/tasks/a%2Fb%20%3F");
  assert.equal(server.asked[0]?.headers.authorization, "Bearer secret");
});

test("a query leaves out what is undefined, and a root path stands outside the API", () => {
  assert.equal(
    pathOf(routes.listTasks, undefined, { limit: 2, status: undefined }),
    "/api/v1/mesh/tasks?limit=2",
  );
  assert.equal(pathOf(routes.health, undefined, undefined), "/healthz");
});

test("a read is tried again while the server is away, after the time that it asks for", async () => {
  await using server = await serve((_asked, response, n) => {
    if (n < 3) sendJson(response, 503, {}, { "retry-after": "0" });
    else sendJson(response, 200, HEALTH);
  });
  const waits: number[] = [];
  const client = createClient({ url: server.url, onWait: (ms) => waits.push(ms) });
  assert.equal((await client.call(routes.health)).instanceId, "i1");
  assert.deepEqual(waits, [0, 0]);
});

test("an acting call is sent again only with the idempotency key that the first one had", async () => {
  const task = taskView();
  await using server = await serve((_asked, response, n) => {
    if (n === 1) response.destroy();
    else sendJson(response, 200, task);
  });
  await createClient({ url: server.url }).call(routes.pauseTask, { params: { id: "t-1" } });
  const keys = server.asked.map((asked) => asked.headers["idempotency-key"]);
  assert.equal(keys.length, 2);
  assert.match(String(keys[0]), /^[0-9a-f-]{36}$/);
  assert.equal(keys[0], keys[1]);
});

test("a call that could act twice is not sent again", async () => {
  await using server = await serve((_asked, response) => response.destroy());
  const call = createClient({ url: server.url }).call(routes.createApiKey, { body: { name: "ci" } });
  await assert.rejects(call, ServerUnreachable);
  assert.equal(server.asked.length, 1);
});

test("a request that was turned away unread may be sent again whatever it is", async () => {
  await using server = await serve((_asked, response, n) => {
    if (n === 1) sendJson(response, 429, {}, { "retry-after": "0" });
    else sendJson(response, 200, { owner: "me", expiresAt: "2026-01-02T03:04:05.000Z" });
  });
  const { owner } = await createClient({ url: server.url }).call(routes.createSession, {
    body: { code: "c" },
  });
  assert.equal(owner, "me");
});

test("a problem is thrown with its code, status and request id", async () => {
  const problem = {
    type: "/docs/errors/task-not-found",
    title: "Task not found",
    status: 404,
    detail: "There is no task t-1.",
    code: "TASK_NOT_FOUND",
    message: "There is no task t-1.",
    requestId: "r1",
  };
  await using server = await serve((_asked, response) => sendJson(response, 404, problem));
  const call = createClient({ url: server.url }).call(routes.showTask, { params: { id: "t-1" } });
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof ProblemError);
    assert.deepEqual([error.code, error.status, error.problem.requestId], ["TASK_NOT_FOUND", 404, "r1"]);
    return true;
  });
});

test("something that is no makima server is told apart from one that does not answer", async () => {
  await using server = await serve((_asked, response, n) => {
    if (n === 1) response.writeHead(200, { "content-type": "text/html" }).end("<h1>It works!</h1>");
    else if (n === 2) response.writeHead(404, { "content-type": "text/html" }).end("nothing here");
    else sendJson(response, 200, { status: "ok" });
  });
  const client = createClient({ url: server.url });
  for (let n = 1; n <= 3; n += 1) await assert.rejects(client.call(routes.health), UnexpectedAnswer);
});

test("a refused connection is said in words, after the tries that a read gets", async () => {
  const placeholder = createServer();
  await new Promise<void>((resolve) => {
    placeholder.listen(0, "127.0.0.1", resolve);
  });
  const { port } = placeholder.address() as AddressInfo;
  await new Promise((resolve) => {
    placeholder.close(resolve);
  });
  const call = createClient({ url: `127.0.0.1:${port}` }).call(routes.health, {}, { retry: false });
  await assert.rejects(call, { code: "SERVER_UNREACHABLE", message: /the connection was refused/ });
});

test("the signal ends a call with its own reason, also while it waits to try again", async () => {
  await using server = await serve((_asked, response) =>
    sendJson(response, 503, {}, { "retry-after": "30" }),
  );
  const over = new AbortController();
  const client = createClient({
    url: server.url,
    signal: over.signal,
    onWait: () => over.abort(new Error("enough")),
  });
  await assert.rejects(client.call(routes.health), /enough/);
});

test("an attempt that takes too long counts as no answer", async () => {
  await using server = await serve(() => {});
  const call = createClient({ url: server.url }).call(routes.health, {}, { timeoutMs: 50, retry: false });
  await assert.rejects(call, { code: "SERVER_UNREACHABLE", message: /too long/ });
});

test("Retry-After is read as seconds or as a date", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  assert.equal(retryAfterMs("1.5", now), 1500);
  assert.equal(retryAfterMs("Thu, 01 Jan 2026 00:00:02 GMT", now), 2000);
  assert.equal(retryAfterMs("Wed, 31 Dec 2025 00:00:02 GMT", now), 0);
  assert.equal(retryAfterMs("soon", now), undefined);
  assert.equal(retryAfterMs(null, now), undefined);
});
