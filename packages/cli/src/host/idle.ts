/**
 * Ends a server that a command started for itself, once nothing needs it: no task that goes on by itself, and
 * no client, for a stated time.
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";
import type { Client } from "@makima/client/rest";
import { routes } from "@makima/protocol/api/routes";

/** Tasks of these states do something, or will without a person. */
const GOING_ON = ["pending", "assigned", "starting", "running", "interrupted"] as const;

/** Whether some task works, waits for its turn, or is parked until a time that comes by itself. */
export async function hasWork(client: Client): Promise<boolean> {
  for (const status of GOING_ON) {
    if ((await client.call(routes.listTasks, { query: { status, limit: 1 } })).items.length > 0) return true;
  }
  const { items } = await client.call(routes.listTasks, { query: { status: "blocked", limit: 500 } });
  return items.some((task) => task.wakeAt !== null);
}

export interface ClientCount extends Disposable {
  /** Connections from other processes that are open now. */
  open(): number;
  /** Milliseconds on the monotonic clock when the last one was there. */
  lastSeen(): number;
}

/**
 * Counts connections that other processes have to any server of this one, as Node tells of them. What this
 * process opens to itself, such as its own daemon's connection, is told apart by its port.
 */
export function countClients(): ClientCount {
  const incoming = new Set<Socket>();
  const own = new Set<Socket>();
  let last = performance.now();
  const accepted = (message: unknown) => {
    const { socket } = message as { socket: Socket };
    incoming.add(socket);
    socket.once("close", () => {
      // Its ports are forgotten once it is closed: whose it was is asked while it is open.
      incoming.delete(socket);
    });
  };
  const opened = (message: unknown) => {
    const { socket } = message as { socket: Socket };
    own.add(socket);
    socket.once("close", () => own.delete(socket));
  };
  subscribe("net.server.socket", accepted);
  subscribe("net.client.socket", opened);
  const open = () => {
    const ports = new Set([...own].map((socket) => socket.localPort));
    const count = [...incoming].filter((socket) => !ports.has(socket.remotePort)).length;
    if (count > 0) last = performance.now();
    return count;
  };
  return {
    open,
    lastSeen: () => last,
    [Symbol.dispose]() {
      unsubscribe("net.server.socket", accepted);
      unsubscribe("net.client.socket", opened);
    },
  };
}

/** Resolves when for `secs` there was neither work nor a client. */
export async function untilIdle(options: {
  secs: number;
  clients: ClientCount;
  work: () => Promise<boolean>;
  signal: AbortSignal;
}): Promise<void> {
  const { secs, clients, signal } = options;
  let quietSince = performance.now();
  const everyMs = Math.max(100, Math.min(5000, (secs * 1000) / 5));
  for (;;) {
    await pause(everyMs, signal);
    if (signal.aborted) return;
    const isBusy = clients.open() > 0 || (await options.work().catch(() => true));
    if (isBusy) quietSince = performance.now();
    quietSince = Math.max(quietSince, clients.lastSeen());
    if (performance.now() - quietSince >= secs * 1000) return;
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
  });
}
