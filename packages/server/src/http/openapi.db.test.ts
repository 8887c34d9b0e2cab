import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Route } from "@makima/protocol/api/route";
import { routes } from "@makima/protocol/api/routes";
import { PROBLEMS, problemType, type ProblemCode } from "@makima/protocol/problem";
import { connectDaemon, makeTask } from "./testing/fake-daemon.ts";
import { assertProblem, startTestServer } from "./testing/running-server.ts";
import { pathOfRoute } from "./mount.ts";

// Before the database's own: hooks run in the order in which they are set.
after(() => server[Symbol.asyncDispose]());
const server = await startTestServer();

interface Document {
  openapi: string;
  paths: Record<
    string,
    Record<string, { operationId: string; responses: Record<string, object>; parameters?: object[] }>
  >;
  components: { responses: object };
}

/** Every `$ref` leads somewhere. */
function refsOf(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === "$ref" && typeof inner === "string" ? [inner] : refsOf(inner),
  );
}

test("the description is OpenAPI 3.1 and has every route with its answers", async () => {
  const response = await server.call("GET", "/openapi.json");
  assert.equal(response.status, 200);
  const document = (await response.json()) as Document;
  assert.match(document.openapi, /^3\.1\./);
  const described = Object.values(document.paths).flatMap((path) => Object.values(path));
  for (const route of Object.values(routes) as Route[]) {
    const path = pathOfRoute(route).replaceAll(/:(\w+)/g, "{$1}");
    const operation = document.paths[path]?.[route.method.toLowerCase()];
    assert.ok(operation, `${route.method} ${path}`);
    assert.equal(operation.operationId, route.id);
    assert.ok(operation.responses[String(route.status)], `${route.id} answers ${route.status}`);
    assert.ok(operation.responses["default"]);
    if (route.params) assert.ok(operation.parameters?.length, `${route.id} has parameters`);
    for (const each of Object.values(operation.responses)) {
      assert.ok("description" in each || "$ref" in each, route.id);
    }
  }
  assert.equal(new Set(described.map(({ operationId }) => operationId)).size, described.length);
  for (const ref of refsOf(document)) {
    const found = ref
      .slice(2)
      .split("/")
      .reduce<unknown>((at, part) => (at as Record<string, unknown> | undefined)?.[part], document);
    assert.ok(found, ref);
  }
});

test("the pages tell of every route and every error code, and run no script", async () => {
  const docs = await server.call("GET", "//docs");
  const text = await docs.text();
  assert.match(docs.headers.get("content-security-policy") ?? "", /default-src 'self'/);
  assert.doesNotMatch(text, /<script|https?:\/\//);
  for (const route of Object.values(routes) as Route[])
    assert.ok(text.includes(pathOfRoute(route)), route.id);
  for (const code of Object.keys(PROBLEMS) as ProblemCode[]) {
    assert.equal((await server.call("GET", `/${problemType(code)}`)).status, 200, code);
  }
  await assertProblem(await server.call("GET", "//docs/errors/nothing"), "NOT_FOUND");
});

test("pages, description and metrics want a person's key that may read", async () => {
  for (const path of ["//metrics", "//docs", "/openapi.json", "//docs/errors/internal"]) {
    await assertProblem(await server.call("GET", path, { key: null }), "UNAUTHORIZED");
    const { key } = await server.makeKey({ kind: "daemon", scopes: ["read"] });
    await assertProblem(await server.call("GET", path, { key }), "FORBIDDEN");
  }
});

test("metrics count what stands and what happened, with few labels", async () => {
  const daemon = await connectDaemon(server);
  await makeTask(server);
  await daemon.spawn();
  await server.call("GET", "/contracts");
  const text = await (await server.call("GET", "//metrics")).text();
  for (const line of [
    'makima_contracts_by_status{status="active"} 1',
    'contracts_by_status{status="active"} 1',
    'makima_tasks_by_state{status="assigned"} 1',
    'makima_websocket_clients{kind="daemon"} 1',
    "makima_daemons_connected 1",
  ]) {
    assert.ok(text.includes(line), line);
  }
  assert.match(
    text,
    /makima_http_request_duration_seconds_count\{method="GET",route="\/api\/v1\/contracts",status="2xx"\} \d/,
  );
  assert.match(text, /makima_dispatch_latency_seconds_count 1/);
  assert.match(text, /^makima_outputs_ingested_total [1-9]/m);
  assert.ok(text.split("\n").length < 1000);
});
