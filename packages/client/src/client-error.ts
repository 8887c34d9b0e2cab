/** How a call to a server can fail, for whoever words it. */
import type { Problem } from "@makima/protocol/problem";

export abstract class ClientError extends Error {
  abstract readonly code: string;
  /** Origin that was called. */
  readonly url: string;

  constructor(message: string, url: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.url = url;
  }
}

/** The server answered with a problem (RFC 9457). */
export class ProblemError extends ClientError {
  readonly code: string;
  readonly status: number;
  readonly problem: Problem;

  constructor(problem: Problem, url: string) {
    super(problem.detail || problem.message || problem.title, url);
    this.code = problem.code;
    this.status = problem.status;
    this.problem = problem;
  }
}

/** No answer at all: refused, unknown host, broken off, or too late. */
export class ServerUnreachable extends ClientError {
  readonly code = "SERVER_UNREACHABLE";

  constructor(url: string, why: string, cause?: unknown) {
    super(`The server at ${url} does not answer: ${why}.`, url, { cause });
  }
}

/** Something answered that is no makima server, or one of a version that this client cannot read. */
export class UnexpectedAnswer extends ClientError {
  readonly code = "UNEXPECTED_ANSWER";
  readonly status: number;

  constructor(url: string, status: number, why: string, cause?: unknown) {
    super(`What answers at ${url} is not understood: ${why}.`, url, { cause });
    this.status = status;
  }
}

/** The word for why a connection failed, as Node and browsers bury it in causes. */
export function networkReason(error: unknown): string {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1) {
    if (at.name === "TimeoutError") return "it took too long";
    const code = (at as { code?: unknown }).code;
    if (code === "ECONNREFUSED") return "the connection was refused";
    if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "its name is not known";
    if (code === "ECONNRESET" || code === "UND_ERR_SOCKET") return "the connection broke off";
    if (typeof code === "string") return code;
    const inner = (at as { errors?: unknown }).errors;
    if (Array.isArray(inner) && inner.length > 0) return networkReason(inner[0]);
  }
  return error instanceof Error ? error.message : String(error);
}
