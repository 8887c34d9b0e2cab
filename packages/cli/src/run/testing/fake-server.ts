/**
 * A server that is nothing but the protocol: it knows every route, holds what comes and what it answers to the
 * routes' schemas, and keeps what it was asked. What it answers, each test says.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { RequestOf, ResponseOf, Route } from "@makima/protocol/api/route";
import { routes, type RouteId } from "@makima/protocol/api/routes";
import type { TaskView } from "@makima/protocol/api/task-schema";
import type { HistoryEntry } from "@makima/protocol/history";
import { PROBLEMS, problemSchema, problemType, type ProblemCode } from "@makima/protocol/problem";
import { subscribeFrameSchema, taskFrameSchema, type TaskFrame } from "@makima/protocol/watch-wire";
import { acceptSocket, type FakeSocket } from "./fake-socket.ts";

type Handlers = {
  [Id in RouteId]?: (request: RequestOf<(typeof routes)[Id]>) => ResponseOf<(typeof routes)[Id]>;
};

export interface Asked {
  id: RouteId;
  params: Record<string, string>;
  query: unknown;
  body: unknown;
  idempotencyKey: string | undefined;
}

export class FakeProblem extends Error {
  readonly code: ProblemCode;

  constructor(code: ProblemCode, message: string) {
    super(message);
    this.code = code;
  }
}

export const FAKE_KEY = "mk_test_key";

export interface FakeServer extends AsyncDisposable {
  readonly url: string;
  readonly asked: Asked[];
  /** Asked of one route, in order. */
  askedOf(id: RouteId): Asked[];
  /** What a task's followers get at once and from then on; kept for `listTaskOutput` too. */
  tell(task: TaskView, ...entries: HistoryEntry[]): void;
  /** Breaks every socket without a word. */
  breakSockets(): void;
}

export async function fakeServer(handlers: Handlers): Promise<FakeServer> {
  const asked: Asked[] = [];
  const followers = new Map<FakeSocket, string>();
  const history = new Map<string, { task: TaskView; entries: HistoryEntry[] }>();
  const all: Handlers = {
    showTask: ({ params }) => known(params.id).task,
    listTaskOutput: ({ params, query }) => {
      const { entries } = known(params.id);
      const later = entries.filter(
        (entry) => entry.seq > query.after && (query.type ?? entry.messageType) === entry.messageType,
      );
      const items = query.tail ? later.slice(-query.limit) : later.slice(0, query.limit);
      return { items, lastSeq: entries.at(-1)?.seq ?? 0 };
    },
    health: () => ({ status: "ok", version: "0.1.0", instanceId: "fake", uptimeSecs: 1000 }),
    listQuestions: () => ({ items: [], nextCursor: null }),
    ...handlers,
  };

  function known(id: string) {
    const found = [...history.values()].find(({ task }) => task.id === id || task.shortId.startsWith(id));
    if (!found) throw new FakeProblem("TASK_NOT_FOUND", `There is no task ${id}.`);
    return found;
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      if (error instanceof FakeProblem) sendProblem(response, error);
      else response.writeHead(500).end(String(error));
    });
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://fake");
    const found = findRoute(request.method ?? "GET", url.pathname);
    if (!found) throw new FakeProblem("NOT_FOUND", `There is no ${request.method} ${url.pathname}.`);
    const [id, route, params] = found;
    if (route.access !== "public" && request.headers.authorization !== `Bearer ${FAKE_KEY}`) {
      throw new FakeProblem("UNAUTHORIZED", "The key is not known.");
    }
    const parts = {
      params: parse(route.params, params),
      query: parse(route.query, Object.fromEntries(url.searchParams)),
      body: parse(route.body, route.body ? await jsonOf(request) : undefined),
    };
    const key = request.headers["idempotency-key"];
    asked.push({ id, ...parts, params, idempotencyKey: typeof key === "string" ? key : undefined });
    const handler = all[id] as ((given: unknown) => unknown) | undefined;
    if (!handler) throw new FakeProblem("INTERNAL", `The test answers nothing to ${id}.`);
    const value = await handler(parts);
    if (!route.response) return void response.writeHead(204).end();
    response.writeHead(route.status, { "content-type": "application/json" });
    response.end(JSON.stringify(route.response.parse(value)));
  }

  const streams = new Set<Duplex>();
  server.on("upgrade", (request, stream) => {
    streams.add(stream);
    const socket = acceptSocket(request, stream, (text, from) => {
      const told = subscribeFrameSchema.parse(JSON.parse(text));
      if (told.type !== "subscribe") return;
      followers.set(from, told.taskId);
      const { task, entries } = known(told.taskId);
      const items = entries.filter((entry) => entry.seq > told.after);
      if (items.length > 0) sendFrame(from, { type: "entries", taskId: task.id, items });
      sendFrame(from, { type: "task", task });
    });
    stream.on("close", () => {
      streams.delete(stream);
      followers.delete(socket);
    });
  });

  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    askedOf: (id) => asked.filter((each) => each.id === id),
    tell(task, ...items) {
      const before = history.get(task.id)?.entries ?? [];
      const entries = [...before, ...items];
      history.set(task.id, { task: { ...task, lastSeq: entries.at(-1)?.seq ?? 0 }, entries });
      for (const [socket, taskId] of followers) {
        if (taskId !== task.id) continue;
        if (items.length > 0) sendFrame(socket, { type: "entries", taskId, items });
        sendFrame(socket, { type: "task", task: { ...task, lastSeq: entries.at(-1)?.seq ?? 0 } });
      }
    },
    breakSockets() {
      for (const socket of followers.keys()) socket.destroy();
    },
    async [Symbol.asyncDispose]() {
      for (const stream of streams) stream.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function sendFrame(socket: FakeSocket, frame: TaskFrame): void {
  socket.send(taskFrameSchema.parse(frame));
}

function findRoute(method: string, path: string): [RouteId, Route, Record<string, string>] | undefined {
  for (const [id, route] of Object.entries(routes) as [RouteId, Route][]) {
    if (route.method !== method) continue;
    const full = route.path.startsWith("//") ? route.path.slice(1) : `/api/v1${route.path}`;
    const pattern = new RegExp(`^${full.replaceAll(/:([A-Za-z]+)/g, "(?<$1>[^/]+)")}$`);
    const match = pattern.exec(path);
    if (!match) continue;
    const params = Object.entries(match.groups ?? {}).map(([name, value]) => [
      name,
      decodeURIComponent(value),
    ]);
    return [id, route, Object.fromEntries(params) as Record<string, string>];
  }
  return undefined;
}

function parse(schema: Route["body"], value: unknown): unknown {
  if (!schema) return undefined;
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new FakeProblem("VALIDATION_FAILED", parsed.error.message);
  return parsed.data;
}

async function jsonOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString() || "{}");
}

function sendProblem(response: ServerResponse, { code, message }: FakeProblem): void {
  const { status, title } = PROBLEMS[code];
  const problem = {
    type: problemType(code),
    title,
    status,
    detail: message,
    code,
    message,
    requestId: "req-1",
  };
  response.writeHead(status, { "content-type": "application/problem+json" });
  response.end(JSON.stringify(problemSchema.parse(problem)));
}
