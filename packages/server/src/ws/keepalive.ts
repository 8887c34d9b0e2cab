/** Finds connections that are open on this side only: a ping now and then, and an end without a pong. */
import type { WebSocket } from "ws";

export interface KeepaliveSettings {
  /** Milliseconds between pings; a connection that was silent for two of them is ended. */
  pingMs: number;
}

/** Stops by itself when the socket closes. */
export function keepAlive(socket: WebSocket, { pingMs }: KeepaliveSettings): void {
  let heard = true;
  const hear = () => {
    heard = true;
  };
  socket.on("pong", hear);
  socket.on("message", hear);
  const timer = setInterval(() => {
    // While this side holds the socket back it cannot hear, which is no fault of the other side.
    if (!heard && !socket.isPaused) return socket.terminate();
    heard = false;
    if (socket.readyState === socket.OPEN) socket.ping();
  }, pingMs);
  timer.unref();
  socket.once("close", () => clearInterval(timer));
}
