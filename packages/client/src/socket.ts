/**
 * A WebSocket that is opened anew whenever it breaks, in Node and in browsers.
 *
 * It carries text frames and knows nothing of what is in them. Resuming is the user's: at each `onOpen` say
 * from which number on to go on. In Node the key travels in a header; in browsers the session cookie does.
 */
import type { WebSocket as NodeSocket } from "ws";
import { BACKOFF, backoffMs, type Backoff } from "./backoff.ts";
import { networkReason } from "./client-error.ts";

export type SocketState =
  | { type: "connecting"; attempt: number }
  | { type: "open" }
  /** Broken; the next attempt begins in `waitMs`. */
  | { type: "waiting"; attempt: number; waitMs: number; reason: string }
  /** For good. `status` is the HTTP answer to the attempt, where that was what ended it. */
  | { type: "closed"; reason: string; status?: number };

/** One open connection. Using it after it broke does nothing. */
export interface Wire {
  send(text: string): void;
  /** Bytes that were sent and have not left yet. */
  buffered(): number;
  /** Ends this connection; a new one is made. */
  drop(reason: string): void;
}

export interface SocketOptions {
  /** ws or wss address; a function is asked at each attempt. */
  url: string | (() => string);
  /** API key; Node only. */
  key?: string | undefined;
  onOpen: (wire: Wire) => void;
  onFrame: (text: string, wire: Wire) => void;
  onState?: (state: SocketState) => void;
  /** Ends it for good. */
  signal?: AbortSignal | undefined;
  backoff?: Backoff;
  /** Milliseconds without a sign of life after which a connection counts as broken; Node only. */
  silenceMs?: number;
  /** Bytes of the largest frame that is taken; Node only. */
  maxFrameBytes?: number;
  random?: () => number;
}

export interface Socket {
  readonly state: SocketState;
  close(): void;
}

/** HTTP answers that no new attempt will change: the key or the name of the server is wrong. */
const FINAL_STATUS = new Set([401, 403]);
/** A connection that held this long was a good one: count attempts from the start again. */
const GOOD_AFTER_MS = 5000;

interface Events {
  open(): void;
  frame(text: string): void;
  /** Once, whether it ever was open or not. */
  end(reason: string, status?: number): void;
}
interface Connection {
  send(text: string): void;
  buffered(): number;
  end(reason: string): void;
}
type Connect = (url: string, options: SocketOptions, events: Events) => Promise<Connection>;

export function openSocket(options: SocketOptions): Socket {
  const connect: Connect = "window" in globalThis ? connectInBrowser : connectInNode;
  const random = options.random ?? Math.random;
  let state: SocketState = { type: "connecting", attempt: 1 };
  let current: Connection | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let attempt = 0;

  const become = (next: SocketState) => {
    state = next;
    options.onState?.(next);
  };
  const isClosed = () => state.type === "closed";

  function begin(): void {
    attempt += 1;
    become({ type: "connecting", attempt });
    if (isClosed()) return;
    let connection: Connection | undefined;
    let openedAt: number | undefined;
    let over = false;
    const wire: Wire = {
      send: (text) => {
        if (!over) connection?.send(text);
      },
      buffered: () => (over ? 0 : (connection?.buffered() ?? 0)),
      drop: (reason) => {
        if (!over) connection?.end(reason);
      },
    };
    const events: Events = {
      open() {
        if (isClosed()) return;
        openedAt = performance.now();
        become({ type: "open" });
        if (!isClosed()) options.onOpen(wire);
      },
      frame(text) {
        if (!over && !isClosed()) options.onFrame(text, wire);
      },
      end(reason, status) {
        if (over) return;
        over = true;
        current = undefined;
        if (isClosed()) return;
        if (status !== undefined && FINAL_STATUS.has(status)) return finish(reason, status);
        if (openedAt !== undefined && performance.now() - openedAt > GOOD_AFTER_MS) attempt = 0;
        again(reason);
      },
    };
    const url = typeof options.url === "string" ? options.url : options.url();
    void connect(url, options, events).then(took, (error: unknown) => events.end(networkReason(error)));

    function took(made: Connection): void {
      connection = made;
      if (isClosed()) made.end("closed");
      else if (!over) current = made;
    }
  }

  function again(reason: string): void {
    const waitMs = backoffMs(options.backoff ?? BACKOFF, Math.max(1, attempt), random());
    // Whoever is asked or told may end it.
    if (isClosed()) return;
    become({ type: "waiting", attempt, waitMs, reason });
    if (!isClosed()) timer = setTimeout(begin, waitMs);
  }

  function finish(reason: string, status?: number): void {
    if (isClosed()) return;
    clearTimeout(timer);
    options.signal?.removeEventListener("abort", close);
    become(status === undefined ? { type: "closed", reason } : { type: "closed", reason, status });
    current?.end(reason);
  }
  function close(): void {
    finish("closed");
  }

  if (options.signal?.aborted) become({ type: "closed", reason: "closed" });
  else {
    options.signal?.addEventListener("abort", close, { once: true });
    begin();
  }
  return {
    get state() {
      return state;
    },
    close,
  };
}

async function connectInNode(url: string, options: SocketOptions, events: Events): Promise<Connection> {
  const { WebSocket } = await import("ws");
  const socket: NodeSocket = new WebSocket(url, {
    perMessageDeflate: false,
    maxPayload: options.maxFrameBytes ?? 16 * 1024 * 1024,
    handshakeTimeout: 10_000,
    headers: options.key ? { authorization: `Bearer ${options.key}` } : {},
  });
  const silenceMs = options.silenceMs ?? 30_000;
  let reason = "the connection broke off";
  let status: number | undefined;
  let heard = true;
  // A peer that is gone without a word answers no ping.
  const watch = setInterval(() => {
    if (!heard) {
      reason = "the server is silent";
      return socket.terminate();
    }
    heard = false;
    if (socket.readyState === socket.OPEN) socket.ping();
  }, silenceMs / 2);
  watch.unref();
  const hear = () => {
    heard = true;
  };
  socket.on("open", () => {
    hear();
    events.open();
  });
  socket.on("ping", hear);
  socket.on("pong", hear);
  socket.on("message", (data) => {
    hear();
    events.frame(
      Array.isArray(data) ? Buffer.concat(data).toString() : Buffer.from(data as Buffer).toString(),
    );
  });
  socket.on("unexpected-response", (request, response) => {
    status = response.statusCode;
    reason = `it answers ${status ?? "nothing"}`;
    response.resume();
    request.destroy();
    clearInterval(watch);
    events.end(reason, status);
  });
  socket.on("error", (error) => {
    reason = networkReason(error);
  });
  socket.on("close", (code, text) => {
    clearInterval(watch);
    const said = text.toString();
    if (code !== 1006 && code !== 1005) reason = said === "" ? `closed with ${code}` : said;
    events.end(reason, status);
  });
  return {
    send: (text) => {
      if (socket.readyState === socket.OPEN) socket.send(text);
    },
    buffered: () => socket.bufferedAmount,
    end: (why) => {
      reason = why;
      socket.close(1000, why.slice(0, 100));
      // A peer that does not close its side in time is not waited for.
      setTimeout(() => socket.terminate(), 1000).unref();
    },
  };
}

async function connectInBrowser(url: string, _options: SocketOptions, events: Events): Promise<Connection> {
  const socket = new globalThis.WebSocket(url);
  socket.addEventListener("open", () => events.open());
  socket.addEventListener("message", (event) => events.frame(String(event.data)));
  socket.addEventListener("close", (event) => events.end(event.reason || "the connection broke off"));
  return {
    send: (text) => {
      if (socket.readyState === socket.OPEN) socket.send(text);
    },
    buffered: () => socket.bufferedAmount,
    end: (why) => socket.close(1000, why.slice(0, 100)),
  };
}
