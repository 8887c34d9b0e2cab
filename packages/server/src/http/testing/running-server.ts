/** A whole server on a database of its own, and clients that talk to it over real sockets. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { problemSchema, type Problem, type ProblemCode } from "@makima/protocol/problem";
import { PROBLEMS } from "@makima/protocol/problem";
import { pino } from "pino";
import { WebSocket, type ClientOptions } from "ws";
import type { Caller } from "../../deps.ts";
import { createApiKey, type CreateApiKey } from "../../jobs/api-keys.ts";
import { ensureLocalOwner } from "../../jobs/ensure-local-owner.ts";
import { startServer, type RunningServer, type ServerOptions } from "../../main.ts";
import { testDatabase, type TestDatabase } from "../../testing/test-database.ts";

export interface TestServer extends AsyncDisposable {
  server: RunningServer;
  database: TestDatabase;
  owner: Caller;
  /** A key of `local` with every scope. */
  key: string;
  /** Another key; of `local` if no other owner is named. */
  makeKey(input?: Partial<CreateApiKey>, owner?: Caller): Promise<{ id: string; key: string }>;
  /** Path below /api/v1, or from the root when it begins with `//`. */
  call(method: string, path: string, options?: CallOptions): Promise<Response>;
  open(path: string, options?: Omit<ClientOptions, "key"> & { key?: string | null }): Promise<TestSocket>;
}

export interface CallOptions {
  key?: string | null;
  body?: unknown;
  headers?: Record<string, string>;
}

export function serverOptions(database: TestDatabase): ServerOptions {
  return {
    database: database.connection,
    host: "127.0.0.1",
    port: 0,
    leases: { heartbeatSecs: 10, leaseSecs: 120, graceSecs: 600 },
    limits: { maxAttempts: 3, maxTasks: 200 },
    retentionDays: 30,
    log: pino({ level: process.env["TEST_LOG"] ?? "silent" }),
    timing: { drainMs: 2000, failuresPerMinute: 10_000 },
  };
}

export async function startTestServer(overrides: Partial<ServerOptions> = {}): Promise<TestServer> {
  const database = await testDatabase();
  const server = await startServer({ ...serverOptions(database), ...overrides });
  const owner = await ensureLocalOwner(server.deps);
  const makeKey: TestServer["makeKey"] = async (input = {}, of = owner) => {
    const made = await createApiKey(server.deps, of, { name: "test", kind: "person", ...input });
    assert.ok(made.ok);
    return { id: made.value.id, key: made.value.key };
  };
  const { key } = await makeKey();
  const bearer = (own: string | null | undefined): Record<string, string> =>
    own === null ? {} : { authorization: `Bearer ${own ?? key}` };
  return {
    server,
    database,
    owner,
    key,
    makeKey,
    call: (method, path, { key: own, body, headers } = {}) =>
      fetch(server.url + (path.startsWith("//") ? path.slice(1) : `/api/v1${path}`), {
        method,
        headers: {
          ...bearer(own),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      }),
    open: (path, { key: own, headers, ...options } = {}) =>
      TestSocket.open(`${server.url.replace("http", "ws")}/api/v1${path}`, {
        ...options,
        headers: { ...bearer(own), ...headers },
      }),
    async [Symbol.asyncDispose]() {
      await server.close();
      await database[Symbol.asyncDispose]();
    },
  };
}

/** Checks the shape of a problem and gives it. */
export async function assertProblem(response: Response, code: ProblemCode): Promise<Problem> {
  const text = await response.text();
  assert.equal(response.status, PROBLEMS[code].status, text);
  assert.match(response.headers.get("content-type") ?? "", /^application\/problem\+json/);
  const problem = problemSchema.parse(JSON.parse(text));
  assert.equal(problem.code, code);
  return problem;
}

/** A WebSocket whose frames can be awaited. */
export class TestSocket {
  readonly ws: WebSocket;
  readonly frames: Record<string, unknown>[] = [];
  #waiting: (() => void)[] = [];
  readonly #fresh: Record<string, unknown>[] = [];

  private constructor(ws: WebSocket) {
    this.ws = ws;
    ws.on("message", (data) => {
      const frame = JSON.parse(String(data)) as Record<string, unknown>;
      this.frames.push(frame);
      this.#fresh.push(frame);
      for (const wake of this.#waiting.splice(0)) wake();
    });
    ws.on("close", () => {
      for (const wake of this.#waiting.splice(0)) wake();
    });
    ws.on("error", () => undefined);
  }

  /** Rejects with the HTTP status when the upgrade is refused. */
  static async open(url: string, options: ClientOptions): Promise<TestSocket> {
    const ws = new WebSocket(url, options);
    const socket = new TestSocket(ws);
    await new Promise<void>((resolve, reject) => {
      ws.once("open", resolve);
      ws.once("unexpected-response", (_request, response) => {
        reject(Object.assign(new Error(`refused: ${response.statusCode}`), { status: response.statusCode }));
        response.destroy();
      });
      ws.once("error", reject);
    });
    return socket;
  }

  send(frame: unknown): void {
    this.ws.send(typeof frame === "string" ? frame : JSON.stringify(frame));
  }

  /** The next frame of a type that was not taken yet; frames of other types stay. */
  async next<T = Record<string, unknown>>(type: string): Promise<T> {
    for (;;) {
      const at = this.#fresh.findIndex((frame) => frame["type"] === type);
      if (at >= 0) return this.#fresh.splice(at, 1)[0] as T;
      if (this.ws.readyState === WebSocket.CLOSED)
        throw new Error(`the socket closed before a frame ${type}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async closed(): Promise<{ code: number }> {
    if (this.ws.readyState === WebSocket.CLOSED) return { code: 0 };
    const [code] = await once(this.ws, "close");
    return { code: code as number };
  }

  close(): void {
    this.ws.close();
  }
}

/** Status with which an upgrade is refused. */
export async function refusedUpgrade(opening: Promise<TestSocket>): Promise<number> {
  try {
    (await opening).close();
  } catch (error) {
    return (error as { status?: number }).status ?? 0;
  }
  return 101;
}
