import assert from "node:assert/strict";
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import type { FastifyInstance } from "fastify";
import { problemSchema, type Problem } from "@makima/protocol/problem";
import { pino } from "pino";
import { z } from "zod";
import type { Refusal } from "../outcome.ts";
import { makeGuards } from "./guards.ts";
import { mountPublic } from "./mount.ts";
import { DATABASE_AWAY } from "./problem-reply.ts";
import { buildHttp } from "./server.ts";

const body = z.strictObject({
  name: z.string(),
  list: z.array(z.strictObject({ "a/b": z.int() })).optional(),
  any: z.unknown().optional(),
});
const echo = {
  id: "echo",
  method: "POST",
  path: "/echo",
  summary: "",
  tag: "t",
  access: "public",
  status: 200,
} as const;

let app: FastifyInstance;
let url: string;
let port: number;
let away: Refusal | undefined;

before(async () => {
  app = await buildHttp({
    log: pino({ level: "silent" }),
    guards: makeGuards({ host: "127.0.0.1", allowedOrigins: ["https://tools.example"] }),
    behindProxy: false,
    secure: false,
    requestTimeoutMs: 300,
    requestsPerMinute: 1000,
    away: () => away,
  });
  const response = z.object({ name: z.string() });
  mountPublic(app, { ...echo, body, response }, async (request) => ({ ok: true, value: request.body }));
  const failing = (path: string, error: Error) =>
    mountPublic(app, { ...echo, id: path, method: "GET", path: `/${path}`, response }, () =>
      Promise.reject(error),
    );
  failing("broken", new Error("a secret in a stack"));
  failing("database", Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" }));
  mountPublic(app, { ...echo, id: "wrong", method: "GET", path: "/wrong", response }, async () => ({
    ok: true,
    value: { name: 1 },
  }));
  const items = z.object({ items: z.array(z.int()), nextCursor: z.string().nullable() });
  mountPublic(app, { ...echo, id: "page", method: "GET", path: "/page", response: items }, async () => ({
    ok: true,
    value: { items: [1], nextCursor: "x/y" },
  }));
  const versioned = z.object({ version: z.int() });
  mountPublic(app, { ...echo, id: "one", method: "GET", path: "/one", response: versioned }, async () => ({
    ok: true,
    value: { version: 12, secret: "not in the schema" },
  }));
  await app.listen({ host: "127.0.0.1", port: 0 });
  ({ port } = app.server.address() as AddressInfo);
  url = `http://127.0.0.1:${port}/api/v1`;
});
after(() => app.close());

const json = { "content-type": "application/json" };

async function problem(response: Response, code: string, status: number): Promise<Problem> {
  assert.equal(response.status, status);
  assert.match(response.headers.get("content-type") ?? "", /^application\/problem\+json/);
  const found = problemSchema.parse(await response.json());
  assert.equal(found.code, code);
  assert.equal(found.status, status);
  assert.equal(found.requestId, response.headers.get("x-request-id"));
  return found;
}

const post = (text: string | Uint8Array, headers: Record<string, string> = json) =>
  fetch(`${url}/echo`, { method: "POST", body: text as string, headers });

test("an answer holds what its schema names and nothing else", async () => {
  const response = await fetch(`${url}/one`);
  assert.deepEqual(await response.json(), { version: 12 });
  assert.equal(response.headers.get("etag"), '"v12"');
  const again = await fetch(`${url}/one`, { headers: { "if-none-match": '"v12"' } });
  assert.equal(again.status, 304);
});

test("a page names its next one", async () => {
  const response = await fetch(`${url}/page?limit=1&after=a`);
  assert.equal(response.headers.get("link"), '</api/v1/page?limit=1&after=x%2Fy>; rel="next"');
});

test("what is not valid is told field by field with JSON pointers", async () => {
  const found = await problem(await post('{"list":[{"a/b":"x","c":1}],"extra":1}'), "VALIDATION_FAILED", 400);
  assert.deepEqual(found.errors?.map(({ pointer }) => pointer).sort(), [
    "/extra",
    "/list/0/a~1b",
    "/list/0/c",
    "/name",
  ]);
});

const unreadable: [string, string | Uint8Array][] = [
  ["no JSON", "{"],
  ["half a character", Uint8Array.of(0x22, 0xc3, 0x22)],
  ["a key that reaches prototypes", '{"name":"x","any":{"__proto__":{"admin":true}}}'],
  ["a constructor's prototype", '{"name":"x","any":{"constructor":{"prototype":{"admin":true}}}}'],
  ["a NUL", String.raw`{"name":"a\u0000b"}`],
  ["half a surrogate pair", String.raw`{"name":"\ud800"}`],
  ["ten thousand levels", `{"name":"x","any":${"[".repeat(10_000)}${"]".repeat(10_000)}}`],
];
for (const [what, text] of unreadable) {
  test(`a body with ${what} is refused`, async () => {
    await problem(await post(text), "VALIDATION_FAILED", 400);
    assert.equal(({} as { admin?: boolean }).admin, undefined);
  });
}

test("a body of another type is refused", async () => {
  await problem(
    await post("name=x", { "content-type": "application/x-www-form-urlencoded" }),
    "VALIDATION_FAILED",
    400,
  );
});

test("a body of 10 MB is refused by its length alone", async () => {
  const client = httpRequest(`${url}/echo`, {
    method: "POST",
    headers: { ...json, "content-length": 10 * 1024 * 1024 },
  });
  client.on("error", () => undefined);
  client.flushHeaders();
  const [response] = await once(client, "response");
  assert.equal(response.statusCode, 413);
  client.destroy();
});

test("a body of 10 MB in chunks is refused as soon as it is too long", async () => {
  const client = httpRequest(`${url}/echo`, { method: "POST", headers: json });
  client.on("error", () => undefined);
  const answered = once(client, "response");
  const chunk = Buffer.alloc(256 * 1024, " ");
  for (let sent = 0; sent < 40 && client.writable; sent += 1) client.write(chunk);
  const [response] = await answered;
  assert.equal(response.statusCode, 413);
  client.destroy();
});

test("a body that does not arrive in time ends its connection, and others are served meanwhile", async () => {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  socket.write(
    `POST /api/v1/echo HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`,
  );
  let text = "";
  socket.on("data", (data) => (text += String(data)));
  const closed = once(socket, "close");
  assert.equal((await post('{"name":"x"}')).status, 200);
  await closed;
  assert.match(text, /^HTTP\/1\.1 408/);
});

test("what is no HTTP is answered as a problem and closed", async () => {
  const socket = connect(port, "127.0.0.1");
  socket.write("HELLO\r\n\r\n");
  let text = "";
  socket.on("data", (data) => (text += String(data)));
  await once(socket, "close");
  assert.match(text, /^HTTP\/1\.1 400/);
  assert.match(text, /problem\+json/);
});

test("an unknown address is NOT_FOUND", async () => {
  await problem(await fetch(`${url}/nothing`), "NOT_FOUND", 404);
  await problem(await fetch(`${url}/echo%zz`), "NOT_FOUND", 404);
});

test("a bug is INTERNAL with the request's id and nothing of the error", async () => {
  const found = await problem(await fetch(`${url}/broken`), "INTERNAL", 500);
  assert.doesNotMatch(JSON.stringify(found), /secret/);
  await problem(await fetch(`${url}/wrong`), "INTERNAL", 500);
});

test("a database that does not answer is DB_UNAVAILABLE with Retry-After", async () => {
  const response = await fetch(`${url}/database`);
  assert.equal(response.headers.get("retry-after"), "2");
  await problem(response, "DB_UNAVAILABLE", 503);
});

test("while the server is away every request is told so", async () => {
  away = DATABASE_AWAY;
  try {
    await problem(await fetch(`${url}/one`), "DB_UNAVAILABLE", 503);
  } finally {
    away = undefined;
  }
});

test("a client's request id is kept when it is harmless", async () => {
  const response = await fetch(`${url}/one`, { headers: { "x-request-id": "client-12345" } });
  assert.equal(response.headers.get("x-request-id"), "client-12345");
  const other = await fetch(`${url}/one`, { headers: { "x-request-id": "a b" } });
  assert.notEqual(other.headers.get("x-request-id"), "a b");
});

test("a foreign page is refused, a listed one is let in by CORS", async () => {
  await problem(await fetch(`${url}/one`, { headers: { origin: "https://evil.example" } }), "FORBIDDEN", 403);
  const preflight = await fetch(`${url}/one`, {
    method: "OPTIONS",
    headers: { origin: "https://tools.example", "access-control-request-method": "GET" },
  });
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers.get("access-control-allow-origin"), "https://tools.example");
  assert.equal(preflight.headers.get("access-control-allow-credentials"), null);
});
