/** The HTTP server: its bounds, its guards, then the routes. Table of contents of this folder. */
import cookie from "@fastify/cookie";
import helmet from "@fastify/helmet";
import rateLimit from "@fastify/rate-limit";
import Fastify, {
  LogController,
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyRequest,
} from "fastify";
import { serializerCompiler } from "fastify-type-provider-zod";
import { randomUUID } from "node:crypto";
import type { Socket } from "node:net";
import type { Logger } from "pino";
import type { Refusal } from "../outcome.ts";
import type { Guards } from "./guards.ts";
import { acceptJson } from "./json-body.ts";
import { describeApi } from "./openapi.ts";
import { headersOf, problemOf, RefusalError, replyToError, sendRefusal } from "./problem-reply.ts";
import { zodValidator } from "./validation.ts";

export interface HttpSettings {
  log: Logger;
  guards: Guards;
  /** Take the client's address from X-Forwarded-For. */
  behindProxy: boolean;
  /** Browsers reach the server over https. */
  secure: boolean;
  /** Milliseconds that a request may take to arrive in full. */
  requestTimeoutMs: number;
  /** Requests of one credential, or without one of one address, in a minute. */
  requestsPerMinute: number;
  /** Why no request can be served just now; health checks are served all the same. */
  away(): Refusal | undefined;
}

/** Largest body, bytes. */
export const MAX_BODY_BYTES = 1024 * 1024;

/** A server without routes yet. */
export async function buildHttp(settings: HttpSettings): Promise<FastifyInstance> {
  const app = Fastify({
    loggerInstance: settings.log as unknown as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: MAX_BODY_BYTES,
    trustProxy: settings.behindProxy,
    requestTimeout: settings.requestTimeoutMs,
    connectionTimeout: 0,
    keepAliveTimeout: 72_000,
    forceCloseConnections: "idle",
    routerOptions: { maxParamLength: 200 },
    http: {
      headersTimeout: Math.min(10_000, settings.requestTimeoutMs),
      connectionsCheckingInterval: Math.min(5000, settings.requestTimeoutMs),
    },
    genReqId: (request) => requestIdOf(request.headers["x-request-id"]),
    clientErrorHandler: replyToUnreadable,
    frameworkErrors: (error, request, reply) => void replyToError(error, request, reply),
  });
  app.setValidatorCompiler(zodValidator as never);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(replyToError);
  app.setNotFoundHandler((_request, reply) =>
    sendRefusal(reply, {
      code: "NOT_FOUND",
      detail: "There is nothing at this address.",
      next: ["GET /docs"],
    }),
  );
  app.decorateRequest("caller", null);
  acceptJson(app);
  guard(app, settings);
  await app.register(cookie);
  await app.register(helmet, helmetOptions(settings.secure));
  await app.register(rateLimit, {
    global: true,
    // After the credential is known; strangers are counted where they are refused.
    hook: "preHandler",
    max: settings.requestsPerMinute,
    timeWindow: 60_000,
    enableDraftSpec: true,
    keyGenerator: (request) => request.caller?.credentialId ?? `address ${request.ip}`,
    errorResponseBuilder: (_request, { ttl }) => tooMany(ttl),
  });
  await describeApi(app);
  return app;
}

export function tooMany(ttlMs: number): RefusalError {
  const secs = Math.max(1, Math.ceil(ttlMs / 1000));
  return new RefusalError({
    code: "RATE_LIMITED",
    detail: `Too many requests. Try again in ${secs} seconds.`,
    details: { retryAfterSecs: secs },
  });
}

function guard(app: FastifyInstance, { guards, away }: HttpSettings): void {
  app.addHook("onRequest", async (request, reply) => {
    reply.header("x-request-id", request.id);
    const refusal = guards.check(request.raw);
    if (refusal) return sendRefusal(reply, refusal);
    allowListedOrigin(request, reply, guards);
    if (isPreflight(request)) return reply.code(204).send();
    const outage = isProbe(request) ? undefined : away();
    if (outage) return sendRefusal(reply, outage);
  });
  app.options("/*", { schema: { hide: true } as object }, async (_request, reply) => reply.code(204).send());
}

/** CORS, for origins that were named in the configuration and for no other. Cookies stay at home. */
function allowListedOrigin(
  request: FastifyRequest,
  reply: { header(name: string, value: string): unknown },
  guards: Guards,
): void {
  const { origin } = request.headers;
  if (!guards.isListed(origin)) return;
  reply.header("access-control-allow-origin", origin);
  reply.header("vary", "origin");
  reply.header("access-control-allow-methods", "GET, POST, PUT, DELETE");
  reply.header("access-control-allow-headers", "authorization, content-type, idempotency-key, if-none-match");
  reply.header("access-control-expose-headers", "etag, link, retry-after, x-request-id");
  reply.header("access-control-max-age", "600");
}

function isPreflight(request: FastifyRequest): boolean {
  return request.method === "OPTIONS" && request.headers["access-control-request-method"] !== undefined;
}

function isProbe(request: FastifyRequest): boolean {
  const path = request.routeOptions.url;
  return path === "/healthz" || path === "/readyz";
}

/** A client's own request id is kept when it is harmless, so that its log and ours agree. */
function requestIdOf(header: string | string[] | undefined): string {
  return typeof header === "string" && /^[\w.:-]{8,64}$/.test(header) ? header : randomUUID();
}

/** What is no HTTP, or came too slowly, never becomes a request; it is answered on the bare socket. */
function replyToUnreadable(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
  const slow = error.code === "ERR_HTTP_REQUEST_TIMEOUT";
  const refusal: Refusal = slow
    ? { code: "VALIDATION_FAILED", detail: "The request did not arrive in time." }
    : { code: "VALIDATION_FAILED", detail: "What arrived is not an HTTP request that can be read." };
  const status = slow ? 408 : error.code === "HPE_HEADER_OVERFLOW" ? 431 : 400;
  writeRefusal(socket, refusal, status);
}

/** A refusal on a socket that has no reply object: unreadable requests, upgrades. Ends the socket. */
export function writeRefusal(socket: Socket, refusal: Refusal, status?: number): void {
  const problem = problemOf(refusal, randomUUID());
  if (status !== undefined) problem.status = status;
  const body = JSON.stringify(problem);
  const headers = Object.entries(headersOf(refusal.code)).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(
    `HTTP/1.1 ${problem.status} ${problem.title}\r\ncontent-type: application/problem+json; charset=utf-8\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n${headers.join("")}\r\n${body}`,
  );
}

function helmetOptions(secure: boolean) {
  const self = ["'self'"];
  return {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: self,
        scriptSrc: self,
        styleSrc: ["'self'", "'unsafe-inline'"],
        imgSrc: ["'self'", "data:"],
        connectSrc: self,
        objectSrc: ["'none'"],
        baseUri: ["'none'"],
        formAction: self,
        frameAncestors: ["'none'"],
      },
    },
    // Without TLS of its own the server must not bind a name to https.
    strictTransportSecurity: secure ? { maxAge: 31_536_000 } : false,
    crossOriginResourcePolicy: { policy: "same-origin" as const },
    referrerPolicy: { policy: "no-referrer" as const },
  };
}
