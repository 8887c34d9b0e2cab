/**
 * The one place that words an answer which is no success: refusals of jobs, errors of the framework and
 * errors nobody thought of, all as problem+json (RFC 9457).
 */
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { problemType, PROBLEMS, type Problem, type ProblemCode } from "@makima/protocol/problem";
import type { Refusal } from "../outcome.ts";
import { isUnreachable } from "../store/store-error.ts";
import { RequestNotValid } from "./validation.ts";

/** A refusal on its way through code that can only throw: plug-ins and parsers of the framework. */
export class RefusalError extends Error {
  readonly refusal: Refusal;
  constructor(refusal: Refusal) {
    super(refusal.detail);
    this.refusal = refusal;
  }
}

/** Headers that go with a code. */
const HEADERS: Partial<Record<ProblemCode, Record<string, string>>> = {
  UNAUTHORIZED: { "www-authenticate": 'Bearer realm="makima"' },
  DB_UNAVAILABLE: { "retry-after": "2" },
  SUPERVISOR_DEAD: { "retry-after": "10" },
};

export function problemOf(refusal: Refusal, requestId: string, instance?: string): Problem {
  const { status, title } = PROBLEMS[refusal.code];
  const problem: Problem = {
    type: problemType(refusal.code),
    title,
    status,
    detail: refusal.detail,
    code: refusal.code,
    message: refusal.detail,
    requestId,
  };
  if (instance !== undefined) problem.instance = instance;
  if (refusal.details) problem.details = refusal.details;
  if (refusal.errors) problem.errors = refusal.errors;
  if (refusal.next) problem.next = refusal.next;
  return problem;
}

export function headersOf(code: ProblemCode): Record<string, string> {
  return HEADERS[code] ?? {};
}

export function sendRefusal(reply: FastifyReply, refusal: Refusal): FastifyReply {
  const problem = problemOf(refusal, reply.request.id, pathOf(reply.request.url));
  const wait = refusal.details?.["retryAfterSecs"];
  if (typeof wait === "number") reply.header("retry-after", String(wait));
  for (const [name, value] of Object.entries(headersOf(refusal.code))) {
    if (!reply.hasHeader(name)) reply.header(name, value);
  }
  reply.header("x-request-id", reply.request.id);
  // Serialised here: the schemas of routes are for their success.
  return reply
    .code(problem.status)
    .type("application/problem+json; charset=utf-8")
    .serializer(String)
    .send(JSON.stringify(problem));
}

/** The framework's error handler. */
export function replyToError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const refusal = refusalOf(error);
  if (refusal.code === "INTERNAL") request.log.error({ err: error, requestId: request.id }, "request failed");
  else if (refusal.code === "DB_UNAVAILABLE") request.log.warn({ err: error }, "database not reached");
  return sendRefusal(reply, refusal);
}

export function refusalOf(error: unknown): Refusal {
  if (error instanceof RefusalError) return error.refusal;
  if (error instanceof RequestNotValid) {
    return { code: "VALIDATION_FAILED", detail: error.message, errors: error.errors };
  }
  if (isUnreachable(error)) return DATABASE_AWAY;
  return ofFramework(error) ?? SOMETHING_BROKE;
}

/** A path without its query, which may hold what is not to be repeated. */
export function pathOf(url: string): string {
  return url.split("?", 1)[0] ?? url;
}

export const DATABASE_AWAY: Refusal = {
  code: "DB_UNAVAILABLE",
  detail: "The database does not answer just now. Nothing was changed; try again in a moment.",
};

const SOMETHING_BROKE: Refusal = {
  code: "INTERNAL",
  detail: "Something went wrong in makima itself. The server's log has it under this request's id.",
};

function ofFramework(error: unknown): Refusal | undefined {
  const { code, statusCode } = (error ?? {}) as Partial<FastifyError>;
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE" || statusCode === 413) {
    return { code: "PAYLOAD_TOO_LARGE", detail: "The body is larger than this server accepts." };
  }
  if (code === "FST_ERR_CTP_INVALID_MEDIA_TYPE") {
    return { code: "VALIDATION_FAILED", detail: "Send the body as application/json." };
  }
  if (code === "FST_ERR_BAD_URL" || code === "FST_ERR_MAX_PARAM_LENGTH") {
    return { code: "NOT_FOUND", detail: "There is nothing at this address." };
  }
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500 && error instanceof Error) {
    return { code: "VALIDATION_FAILED", detail: `The request cannot be read: ${error.message}.` };
  }
  return undefined;
}
