import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import * as fc from "fast-check";
import { WebSocketServer, type WebSocket } from "ws";
import { backoffMs } from "./backoff.ts";
import { openSocket, type SocketOptions, type SocketState } from "./socket.ts";
import { serve } from "./testing/http-server.ts";

const QUICK = { minMs: 1, maxMs: 5 };

interface Harness extends AsyncDisposable {
  url: string;
  sockets: WebSocketServer;
  keys: (string | undefined)[];
}

async function socketServer(): Promise<Harness> {
  const http = await serve((_asked, response) => response.writeHead(401).end());
  const sockets = new WebSocketServer({ noServer: true });
  const keys: (string | undefined)[] = [];
  http.server.on("upgrade", (request, socket, head) => {
    keys.push(request.headers.authorization);
    if (request.url === "/refused") {
      socket.end("HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n");
      return;
    }
    sockets.handleUpgrade(request, socket, head, (one) => sockets.emit("connection", one));
  });
  return {
    url: http.url.replace("http", "ws"),
    sockets,
    keys,
    async [Symbol.asyncDispose]() {
      for (const client of sockets.clients) client.terminate();
      await http[Symbol.asyncDispose]();
    },
  };
}

/** Opens a socket and gives its states as they come. */
function open(options: Omit<SocketOptions, "onOpen" | "onFrame"> & Partial<SocketOptions>) {
  const states: SocketState[] = [];
  const frames: string[] = [];
  const waiting = new Map<string, () => void>();
  const socket = openSocket({
    backoff: QUICK,
    onOpen: () => {},
    ...options,
    onFrame: (text) => void frames.push(text),
    onState: (state) => {
      states.push(state);
      waiting.get(state.type)?.();
    },
  });
  const until = (type: SocketState["type"]) =>
    new Promise<void>((resolve) => {
      waiting.set(type, resolve);
      if (states.at(-1)?.type === type) resolve();
    });
  return { socket, states, frames, until };
}

test("a connection that breaks is made anew, and the user resumes from where it was", async () => {
  await using server = await socketServer();
  let opened = 0;
  const resumed = Promise.withResolvers<string>();
  server.sockets.on("connection", (peer: WebSocket) => {
    opened += 1;
    const first = opened === 1;
    peer.on("message", (data: Buffer) => {
      if (first) peer.terminate();
      else resumed.resolve(data.toString());
    });
  });
  let seen = 0;
  const { socket, states } = open({
    url: server.url,
    key: "k",
    onOpen: (wire) => wire.send(`from ${(seen += 1)}`),
  });
  assert.equal(await resumed.promise, "from 2");
  assert.deepEqual(server.keys, ["Bearer k", "Bearer k"]);
  const types = states.map((state) => state.type);
  assert.deepEqual(types, ["connecting", "open", "waiting", "connecting", "open"]);
  socket.close();
  assert.equal(socket.state.type, "closed");
});

test("a key that is refused ends it for good and says the status", async () => {
  await using server = await socketServer();
  const { socket, until } = open({ url: `${server.url}/refused`, key: "wrong" });
  await until("closed");
  assert.deepEqual(socket.state, { type: "closed", reason: "it answers 401", status: 401 });
});

test("a server that is not there is tried again and again until the signal ends it", async () => {
  const over = new AbortController();
  let attempts = 0;
  const { socket } = open({
    url: "ws://127.0.0.1:9",
    signal: over.signal,
    random: () => {
      attempts += 1;
      if (attempts === 3) over.abort();
      return 0;
    },
  });
  await once(over.signal, "abort");
  assert.equal(socket.state.type, "closed");
  assert.equal(attempts, 3);
});

test("a peer that falls silent without closing is noticed", async () => {
  await using server = await socketServer();
  server.sockets.on("connection", (peer: WebSocket) => peer.pause());
  const { socket, until, states } = open({ url: server.url, silenceMs: 60 });
  await until("waiting");
  assert.ok(states.some((state) => state.type === "waiting" && state.reason === "the server is silent"));
  socket.close();
});

test("dropping a connection makes a new one, and a dropped one carries nothing any more", async () => {
  await using server = await socketServer();
  const heard: string[] = [];
  const second = Promise.withResolvers<void>();
  server.sockets.on("connection", (peer: WebSocket) => {
    peer.on("message", (data: Buffer) => {
      heard.push(data.toString());
      if (data.toString() === "second") second.resolve();
    });
  });
  let old: Parameters<SocketOptions["onOpen"]>[0] | undefined;
  const { socket } = open({
    url: server.url,
    onOpen: (wire) => {
      if (!old) {
        old = wire;
        wire.drop("for a test");
        return;
      }
      old.send("from the old one");
      wire.send("second");
    },
  });
  await second.promise;
  assert.deepEqual(heard, ["second"]);
  socket.close();
});

test("waits double up to the longest, and are never shorter than half", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 10_000 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (attempt, random) => {
        const backoff = { minMs: 250, maxMs: 15_000 };
        const full = Math.min(15_000, 250 * 2 ** Math.min(attempt - 1, 30));
        const wait = backoffMs(backoff, attempt, random);
        assert.ok(wait >= Math.floor(full / 2) && wait <= full);
      },
    ),
  );
});
