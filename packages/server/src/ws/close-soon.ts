/** An orderly end of a socket that becomes a hard one when the other side does not answer. */
import type { WebSocket } from "ws";

/** Close codes of RFC 6455. */
export const GOING_AWAY = 1001;
export const POLICY_VIOLATION = 1008;
export const TRY_AGAIN_LATER = 1013;

const PATIENCE_MS = 1000;

/** Frames that were sent before still leave, unless the other side does not read. */
export function closeSoon(socket: WebSocket, code: number, reason: string): void {
  if (socket.readyState === socket.CLOSED) return;
  // A socket that is held never sees the other side's answer.
  if (socket.isPaused) socket.resume();
  socket.close(code, reason);
  const hard = setTimeout(() => socket.terminate(), PATIENCE_MS);
  socket.once("close", () => clearTimeout(hard));
}
