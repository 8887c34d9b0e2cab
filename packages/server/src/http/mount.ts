/**
 * Puts a route of the contract on the server: who may call, zod on what comes in and goes out, the job's
 * outcome as an answer. A handler has one call of a job in it and no rules.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteShorthandOptions } from "fastify";
import type { RequestOf, ResponseOf, Route } from "@makima/protocol/api/route";
import type { Caller, Deps } from "../deps.ts";
import { refused, type Outcome } from "../outcome.ts";
import { refuseAccess } from "./access.ts";
import { once } from "../jobs/once.ts";
import { sendRefusal } from "./problem-reply.ts";

/** Of a route that needs a key. */
export type Handler<R> = (
  request: RequestOf<R>,
  caller: Caller,
  reply: FastifyReply,
) => Promise<Outcome<ResponseOf<R>>>;

/** Of a route that needs none. */
export type PublicHandler<R> = (
  request: RequestOf<R>,
  reply: FastifyReply,
) => Promise<Outcome<ResponseOf<R>>>;

type AnyRequest = { params: unknown; query: unknown; body: unknown };
export type AnyHandler = (
  request: AnyRequest,
  caller: Caller,
  reply: FastifyReply,
) => Promise<Outcome<unknown>>;
export type AnyPublicHandler = (request: AnyRequest, reply: FastifyReply) => Promise<Outcome<unknown>>;

declare module "fastify" {
  interface FastifyRequest {
    /** Set by the time that a route which needs a key runs. */
    caller: Caller | null;
  }
}

export interface MountOptions {
  /** Who sends the request; UNAUTHORIZED where that cannot be told. */
  identify(request: FastifyRequest): Promise<Outcome<Caller>>;
  deps: Deps;
}

export const API_ROOT = "/api/v1";

/** Path as the framework and OpenAPI's transform take it. */
export function pathOfRoute(route: Route): string {
  return route.path.startsWith("//") ? route.path.slice(1) : API_ROOT + route.path;
}

export function mount(app: FastifyInstance, route: Route, handler: AnyHandler, options: MountOptions): void {
  app.route({
    ...optionsOf(route),
    method: route.method,
    url: pathOfRoute(route),
    // Before the body is read: strangers get no further than their headers.
    onRequest: async (request, reply) => {
      const outcome = await options.identify(request);
      if (!outcome.ok) return sendRefusal(reply, outcome.refusal);
      const refusal = refuseAccess(route, outcome.value);
      if (refusal) return sendRefusal(reply, refusal);
      request.caller = outcome.value;
    },
    handler: async (request, reply) => {
      const caller = callerOf(request);
      const parts = partsOf(request);
      const work = () => handler(parts, caller, reply);
      const key = route.idempotent ? request.headers["idempotency-key"] : undefined;
      if (key === undefined) return answer(route, await work(), request, reply);
      if (!isKey(key)) return answer(route, NO_KEY_SHAPE, request, reply);
      const { ownerId } = caller;
      const done = await once(options.deps, { ownerId, key, route: route.id, request: parts }, work);
      if (done.replayed) reply.header("idempotency-replayed", "true");
      return answer(route, done.outcome, request, reply);
    },
  });
}

export function mountPublic(app: FastifyInstance, route: Route, handler: AnyPublicHandler): void {
  app.route({
    ...optionsOf(route),
    method: route.method,
    url: pathOfRoute(route),
    handler: async (request, reply) => answer(route, await handler(partsOf(request), reply), request, reply),
  });
}

/** The caller of a route that needs a key. */
export function callerOf(request: FastifyRequest): Caller {
  if (!request.caller) throw new Error("a route that needs a key ran without a caller");
  return request.caller;
}

function optionsOf(route: Route): RouteShorthandOptions {
  return {
    schema: {
      operationId: route.id,
      summary: route.summary,
      tags: [route.tag],
      security: route.access === "public" ? [] : [{ key: [] }, { session: [] }],
      ...(route.params ? { params: route.params } : {}),
      ...(route.query ? { querystring: route.query } : {}),
      ...(route.body ? { body: route.body } : {}),
      ...(route.response ? { response: { [route.status]: route.response } } : {}),
    },
  };
}

function isKey(key: string | string[]): key is string {
  return typeof key === "string" && /^[\x21-\x7e]{1,255}$/.test(key);
}

const NO_KEY_SHAPE = refused("VALIDATION_FAILED", "An Idempotency-Key is 1 to 255 visible characters.", {
  errors: [{ pointer: "Idempotency-Key", message: "must be 1 to 255 visible characters" }],
});

function partsOf(request: FastifyRequest): AnyRequest {
  return { params: request.params, query: request.query, body: request.body };
}

function answer(route: Route, outcome: Outcome<unknown>, request: FastifyRequest, reply: FastifyReply) {
  if (!outcome.ok) return sendRefusal(reply, outcome.refusal);
  const { value } = outcome;
  if (request.method === "GET" || request.method === "HEAD") {
    const tag = etagOf(value);
    if (tag !== undefined) {
      reply.header("etag", tag);
      if (request.headers["if-none-match"] === tag) return reply.code(304).send();
    }
    const next = nextPage(value, request.url);
    if (next !== undefined) reply.header("link", `<${next}>; rel="next"`);
  }
  reply.code(route.status);
  return route.response ? reply.send(value) : reply.send();
}

/** Of what has a version: a contract, a task. */
function etagOf(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null || !("version" in value)) return undefined;
  return typeof value.version === "number" ? `"v${value.version}"` : undefined;
}

function nextPage(value: unknown, url: string): string | undefined {
  if (typeof value !== "object" || value === null || !("nextCursor" in value)) return undefined;
  if (typeof value.nextCursor !== "string") return undefined;
  const next = new URL(url, "http://localhost");
  next.searchParams.set("after", value.nextCursor);
  return next.pathname + next.search;
}
