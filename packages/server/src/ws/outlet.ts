/** Writes to one client, and tells when it reads too slowly. */
import type { WebSocket } from "ws";

/** Bytes that may wait for one client before it counts as slow. */
export const HIGH_WATER = 1024 * 1024;
/** Bytes at which a slow client is fed again. */
export const LOW_WATER = 128 * 1024;

export interface Outlet {
  readonly closed: boolean;
  /** Bytes handed over that have not left this process. */
  buffered(): number;
  send(frame: Buffer): void;
  /** Resolves when little is left to be read, or the client is gone. */
  drained(): Promise<void>;
}

export function socketOutlet(socket: WebSocket): Outlet {
  let waiting: (() => void)[] = [];
  const wake = () => {
    if (waiting.length === 0) return;
    if (socket.readyState === socket.OPEN && socket.bufferedAmount > LOW_WATER) return;
    const woken = waiting;
    waiting = [];
    for (const each of woken) each();
  };
  socket.once("close", wake);
  return {
    get closed() {
      return socket.readyState !== socket.OPEN;
    },
    buffered: () => socket.bufferedAmount,
    send(frame) {
      if (socket.readyState === socket.OPEN) socket.send(frame, TEXT, wake);
    },
    drained() {
      if (socket.readyState !== socket.OPEN || socket.bufferedAmount <= LOW_WATER) return Promise.resolve();
      return new Promise((resolve) => waiting.push(resolve));
    },
  };
}

const TEXT = { binary: false, compress: false } as const;
