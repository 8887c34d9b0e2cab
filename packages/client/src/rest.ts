/**
 * Typed calls over the protocol's route table.
 *
 * A call is tried again only where twice is once: reads, and calls with an Idempotency-Key (made here for
 * every route that takes one). What the server asks to be waited for (`Retry-After`) is waited for.
 */
import type { CallOf, ResponseOf, Route } from "@makima/protocol/api/route";
import { problemSchema, type Problem } from "@makima/protocol/problem";
import { httpAddress } from "./address.ts";
import {
  ClientError,
  networkReason,
  ProblemError,
  ServerUnreachable,
  UnexpectedAnswer,
} from "./client-error.ts";
import { sleep } from "./sleep.ts";

export interface ClientOptions {
  /** http, https, ws or wss address of the server. */
  url: string;
  /** API key; left out in browsers, where a cookie speaks. */
  key?: string | undefined;
  fetch?: typeof fetch | undefined;
  /** Ends every call. */
  signal?: AbortSignal | undefined;
  /** Milliseconds that one attempt may take; 60,000 unless told. */
  timeoutMs?: number | undefined;
  /** Told before a wait, so that a person can be told. */
  onWait?: ((waitMs: number, why: string) => void) | undefined;
}

export interface CallOptions {
  idempotencyKey?: string | undefined;
  signal?: AbortSignal | undefined;
  timeoutMs?: number | undefined;
  /** For calls that lose nothing by it, such as a probe: one attempt. */
  retry?: false | undefined;
}

type Empty = Record<never, never>;
type OptionalKey<T> = {
  [K in keyof T]: undefined extends T[K] ? K : Empty extends T[K] ? K : never;
}[keyof T];
/** Parts of a call; those that a route does not take, or that have no required field, may be left out. */
export type CallParts<R> = Omit<CallOf<R>, OptionalKey<CallOf<R>>> &
  Partial<Pick<CallOf<R>, OptionalKey<CallOf<R>>>>;
type CallArguments<R> =
  Empty extends CallParts<R>
    ? [parts?: CallParts<R>, options?: CallOptions]
    : [parts: CallParts<R>, options?: CallOptions];

export interface RawRequest {
  method: string;
  /** Path from the server's root, with its query. */
  path: string;
  body?: unknown;
  headers?: Record<string, string> | undefined;
}

export interface Client {
  /** HTTP address of the server, without a slash at the end. */
  readonly url: string;
  readonly key: string | undefined;
  /** Calls a route. Throws ProblemError, ServerUnreachable or UnexpectedAnswer, or the signal's reason. */
  call<R extends Route>(route: R, ...rest: CallArguments<R>): Promise<ResponseOf<R>>;
  /** Sends any request and gives the answer as it is, problems too. */
  send(request: RawRequest, options?: CallOptions): Promise<Response>;
}

const ATTEMPTS = 4;
const LONGEST_WAIT_MS = 60_000;
const PASSING = new Set([429, 502, 503, 504]);

export function createClient(options: ClientOptions): Client {
  const url = httpAddress(options.url);
  const doFetch = options.fetch ?? globalThis.fetch;

  async function attempt(request: RawRequest, call: CallOptions): Promise<Response> {
    const signals = [options.signal, call.signal].filter((signal) => signal !== undefined);
    for (const signal of signals) signal.throwIfAborted();
    const timeout = AbortSignal.timeout(call.timeoutMs ?? options.timeoutMs ?? 60_000);
    const headers: Record<string, string> = { accept: "application/json", ...request.headers };
    if (options.key) headers["authorization"] = `Bearer ${options.key}`;
    if (call.idempotencyKey) headers["idempotency-key"] = call.idempotencyKey;
    if (request.body !== undefined) headers["content-type"] ??= "application/json";
    const body = typeof request.body === "string" ? request.body : JSON.stringify(request.body);
    try {
      return await doFetch(url + request.path, {
        method: request.method,
        headers,
        redirect: "error",
        signal: AbortSignal.any([...signals, timeout]),
        ...(request.body === undefined ? {} : { body }),
      });
    } catch (error) {
      for (const signal of signals) signal.throwIfAborted();
      throw new ServerUnreachable(url, timeout.aborted ? "it took too long" : networkReason(error), error);
    }
  }

  async function send(request: RawRequest, call: CallOptions = {}): Promise<Response> {
    const twiceIsOnce = request.method === "GET" || call.idempotencyKey !== undefined;
    const attempts = call.retry === false ? 1 : ATTEMPTS;
    for (let n = 1; ; n += 1) {
      let wait = 100 * 3 ** (n - 1);
      let why = "it does not answer";
      try {
        const response = await attempt(request, call);
        const refusedUnread = response.status === 429;
        if (!PASSING.has(response.status) || n >= attempts || !(twiceIsOnce || refusedUnread))
          return response;
        wait = retryAfterMs(response.headers.get("retry-after"), Date.now()) ?? wait;
        if (wait > LONGEST_WAIT_MS) return response;
        why = refusedUnread ? "it limits how often it is asked" : `it answers ${response.status}`;
        await response.body?.cancel();
      } catch (error) {
        if (!(error instanceof ServerUnreachable) || n >= attempts || !twiceIsOnce) throw error;
      }
      options.onWait?.(wait, why);
      await sleep(
        wait,
        AbortSignal.any([options.signal, call.signal].filter((signal) => signal !== undefined)),
      );
    }
  }

  async function call<R extends Route>(route: R, ...rest: CallArguments<R>): Promise<ResponseOf<R>> {
    const parts = (rest[0] ?? {}) as Partial<Record<"params" | "query" | "body", unknown>>;
    const callOptions = { ...rest[1] };
    if (route.idempotent) callOptions.idempotencyKey ??= crypto.randomUUID();
    const request: RawRequest = { method: route.method, path: pathOf(route, parts.params, parts.query) };
    if (route.body) request.body = parts.body ?? {};
    const response = await send(request, callOptions);
    return (await read(route, response)) as ResponseOf<R>;
  }

  async function read(route: Route, response: Response): Promise<unknown> {
    if (!response.ok) throw await problemOf(url, response);
    if (response.status === 204 || !route.response) return undefined;
    let value: unknown;
    try {
      value = await response.json();
    } catch (error) {
      throw new UnexpectedAnswer(url, response.status, "the answer is not JSON", error);
    }
    const parsed = route.response.safeParse(value);
    if (parsed.success) return parsed.data;
    const issue = parsed.error.issues[0];
    const where = `${route.id}: ${issue?.path.join(".") ?? ""} ${issue?.message ?? ""}`;
    throw new UnexpectedAnswer(
      url,
      response.status,
      `${where}; its version may differ from this one`,
      parsed.error,
    );
  }

  return { url, key: options.key, call, send };
}

/** The path of a call; a parameter that is missing is a bug of the caller. */
export function pathOf(route: Pick<Route, "path">, params: unknown, query: unknown): string {
  const values = (params ?? {}) as Record<string, unknown>;
  const base = route.path.startsWith("//") ? route.path.slice(1) : `/api/v1${route.path}`;
  const path = base.replaceAll(/:([A-Za-z]+)/g, (_, name: string) => {
    const value = values[name];
    if (typeof value !== "string" || value === "") throw new TypeError(`${route.path} needs ${name}.`);
    return encodeURIComponent(value);
  });
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries((query ?? {}) as Record<string, unknown>)) {
    if (value !== undefined && value !== null) search.append(name, String(value));
  }
  return search.size > 0 ? `${path}?${search}` : path;
}

/** The failure that an answer tells of. Reads the body. */
export async function problemOf(url: string, response: Response): Promise<ClientError> {
  const text = await response.text().catch(() => "");
  const isProblem = response.headers.get("content-type")?.includes("json") ?? false;
  if (isProblem) {
    const parsed = problemSchema.safeParse(tryJson(text));
    if (parsed.success) return new ProblemError(parsed.data satisfies Problem, url);
  }
  return new UnexpectedAnswer(
    url,
    response.status,
    `it answers ${response.status} and does not say why as makima would`,
  );
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Milliseconds that a Retry-After header asks for: seconds or a date. */
export function retryAfterMs(header: string | null, now: number): number | undefined {
  if (header === null || header.trim() === "") return undefined;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}
