/** `WS /api/v1/mesh/tasks/subscribe`: live history of several tasks on one socket. */
import { subscribeFrameSchema, type SubscribeFrame } from "@makima/protocol/watch-wire";
import type { WebSocket } from "ws";
import type { Caller } from "../deps.ts";
import { refusalOf } from "../http/problem-reply.ts";
import { decodeFrame, encodeFrame } from "./frames.ts";
import { socketOutlet } from "./outlet.ts";
import type { TaskFeeds } from "./task-feeds.ts";

/** Largest frame that a watcher may send, bytes. */
export const MAX_WATCH_FRAME = 64 * 1024;
/** Tasks that one socket may watch. */
const MOST_TASKS = 500;
/** Frames that may wait to be carried out before the socket is held. */
const MOST_WAITING = 64;

export function serveTaskSubscriptions(socket: WebSocket, caller: Caller, feeds: TaskFeeds): void {
  const outlet = socketOutlet(socket);
  const watched = new Map<string, { taskId: string; stop: () => void }>();
  /** Full ids of the names under which the client subscribed. */
  const fullIds = new Map<string, string>();
  let line = Promise.resolve();
  let waiting = 0;

  socket.on("message", (data, isBinary) => {
    const decoded = decodeFrame(subscribeFrameSchema, data, isBinary);
    if (!decoded.ok) return tell("VALIDATION_FAILED", decoded.message);
    waiting += 1;
    if (waiting > MOST_WAITING) socket.pause();
    // One after the other, so that an unsubscribe never overtakes its subscribe.
    line = line
      .then(() => obey(decoded.frame))
      .finally(() => {
        waiting -= 1;
        if (waiting === 0 && socket.isPaused) socket.resume();
      });
  });
  socket.once("close", () => {
    for (const { stop } of watched.values()) stop();
    watched.clear();
  });

  async function obey(frame: SubscribeFrame): Promise<void> {
    forget(frame.taskId);
    if (frame.type === "unsubscribe" || outlet.closed) return;
    if (watched.size >= MOST_TASKS) {
      return tell(
        "VALIDATION_FAILED",
        `One socket may watch ${MOST_TASKS} tasks; open another.`,
        frame.taskId,
      );
    }
    try {
      const outcome = await feeds.watch(caller, frame.taskId, frame.after, outlet);
      if (!outcome.ok) return tell(outcome.refusal.code, outcome.refusal.detail, frame.taskId);
      const watch = outcome.value;
      if (outlet.closed) return watch.stop();
      forget(watch.taskId);
      watched.set(watch.taskId, watch);
      fullIds.set(frame.taskId, watch.taskId);
    } catch (error) {
      const refusal = refusalOf(error);
      tell(refusal.code, refusal.detail, frame.taskId);
    }
  }

  function forget(id: string): void {
    const taskId = fullIds.get(id) ?? id;
    watched.get(taskId)?.stop();
    watched.delete(taskId);
    fullIds.delete(id);
  }

  function tell(code: string, message: string, taskId?: string): void {
    outlet.send(encodeFrame({ type: "error", ...(taskId === undefined ? {} : { taskId }), code, message }));
  }
}
