/**
 * `WS /api/v1/contracts/monitor`: the owner's events. Nothing is sent before the client's first filter, so
 * that a `since` in it is never overtaken by what is new; each filter replaces the one before and is
 * answered by `ready` once the client is up to date.
 */
import { monitorFilterSchema, type MonitorFilter } from "@makima/protocol/watch-wire";
import type { WebSocket } from "ws";
import type { Caller } from "../deps.ts";
import { refusalOf } from "../http/problem-reply.ts";
import type { EventFeeds } from "./event-feeds.ts";
import { decodeFrame, encodeFrame } from "./frames.ts";
import { socketOutlet } from "./outlet.ts";

const MOST_WAITING = 16;

export function serveMonitor(socket: WebSocket, caller: Caller, feeds: EventFeeds): void {
  const outlet = socketOutlet(socket);
  let stop: (() => void) | undefined;
  let line = Promise.resolve();
  let waiting = 0;

  socket.on("message", (data, isBinary) => {
    const decoded = decodeFrame(monitorFilterSchema, data, isBinary);
    if (!decoded.ok) return tell("VALIDATION_FAILED", decoded.message);
    waiting += 1;
    if (waiting > MOST_WAITING) socket.pause();
    line = line
      .then(() => filterBy(decoded.frame))
      .finally(() => {
        waiting -= 1;
        if (waiting === 0 && socket.isPaused) socket.resume();
      });
  });
  socket.once("close", () => stop?.());

  async function filterBy(filter: MonitorFilter): Promise<void> {
    stop?.();
    stop = undefined;
    if (outlet.closed) return;
    try {
      const ended = await feeds.listen(caller, filter, {
        get closed() {
          return outlet.closed;
        },
        buffered: () => outlet.buffered(),
        drained: () => outlet.drained(),
        event: (_event, encoded) => outlet.send(encoded),
        gap: (from, to) => outlet.send(encodeFrame({ type: "gap", from, to })),
        ready: (seq) => outlet.send(encodeFrame({ type: "ready", seq })),
      });
      if (outlet.closed) return ended();
      stop = ended;
    } catch (error) {
      const refusal = refusalOf(error);
      tell(refusal.code, refusal.detail);
    }
  }

  function tell(code: string, message: string): void {
    outlet.send(encodeFrame({ type: "error", code, message }));
  }
}
