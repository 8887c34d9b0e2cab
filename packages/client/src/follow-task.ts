/**
 * Follows a task: its history from a number on, and its record at each change.
 *
 * The socket says what is new; whatever lies between what was seen and what comes is fetched over REST. So
 * over broken connections, restarts of the server and slow readers each entry comes once and in order.
 */
import { isFinal } from "@makima/core/task";
import { routes } from "@makima/protocol/api/routes";
import type { TaskView } from "@makima/protocol/api/task-schema";
import type { HistoryEntry } from "@makima/protocol/history";
import { taskFrameSchema, type SubscribeFrame, type TaskFrame } from "@makima/protocol/watch-wire";
import { socketAddress } from "./address.ts";
import type { Backoff } from "./backoff.ts";
import { ProblemError, ServerUnreachable, UnexpectedAnswer } from "./client-error.ts";
import type { Client } from "./rest.ts";
import { openSocket, type SocketState } from "./socket.ts";

export interface FollowOptions {
  /** Full or short id. */
  taskId: string;
  /** Only entries with a higher number. */
  after?: number;
  /** Whether following ends with this record; unless told, when the task is over or waits for a person or a time. */
  until?: (task: TaskView) => boolean;
  signal?: AbortSignal | undefined;
  backoff?: Backoff;
}

export type Followed =
  | { type: "entries"; items: HistoryEntry[] }
  | { type: "task"; task: TaskView }
  /** The connection broke or came back; the history goes on where it was. */
  | { type: "connection"; state: SocketState };

/** Whether nothing happens to the task until somebody acts or its time comes. */
export function isAtRest(task: TaskView): boolean {
  return isFinal(task.status) || task.status === "blocked" || task.status === "paused";
}

type Arrived = TaskFrame | { type: "connection"; state: SocketState };

/**
 * Ends after the last entry of a task for which `until` holds. Throws what a call to the server throws, and
 * the signal's reason when it ends it.
 */
export async function* followTask(
  client: Client,
  options: FollowOptions,
): AsyncGenerator<Followed, void, void> {
  const { signal } = options;
  const until = options.until ?? isAtRest;
  const params = { id: options.taskId };
  const first = await client.call(routes.showTask, { params }, { signal });
  const taskId = first.id;
  let seen = options.after ?? 0;
  yield { type: "task", task: first };

  const arrived: Arrived[] = [];
  let wake: (() => void) | undefined;
  const arrive = (item: Arrived) => {
    arrived.push(item);
    wake?.();
  };
  const aborted = () => wake?.();
  signal?.addEventListener("abort", aborted);
  const socket = openSocket({
    url: socketAddress(client.url, "/mesh/tasks/subscribe"),
    key: client.key,
    ...(options.backoff ? { backoff: options.backoff } : {}),
    onOpen: (wire) => {
      const subscribe: SubscribeFrame = { type: "subscribe", taskId, after: seen };
      wire.send(JSON.stringify(subscribe));
    },
    onFrame: (text) => {
      // What a newer server says besides is left alone; entries that were in it are missed by their number.
      const frame = taskFrameSchema.safeParse(tryJson(text));
      if (frame.success) arrive(frame.data);
    },
    onState: (state) => arrive({ type: "connection", state }),
  });

  /** What lies between what was seen and `upTo`, over REST; the server may have removed some of it. */
  async function* fetchUpTo(upTo: number): AsyncGenerator<Followed, void, void> {
    while (seen < upTo) {
      const page = await client.call(
        routes.listTaskOutput,
        { params, query: { after: seen, limit: 1000 } },
        { signal },
      );
      const last = page.items.at(-1);
      if (!last) return;
      seen = last.seq;
      yield { type: "entries", items: page.items };
    }
  }

  try {
    for (;;) {
      signal?.throwIfAborted();
      const item = arrived.shift();
      if (!item) {
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (arrived.length > 0 || signal?.aborted) resolve();
        });
        continue;
      }
      switch (item.type) {
        case "entries": {
          const before = (item.items[0]?.seq ?? 1) - 1;
          if (before > seen) yield* fetchUpTo(before);
          const fresh = item.items.filter((entry) => entry.seq > seen);
          seen = Math.max(seen, fresh.at(-1)?.seq ?? 0);
          if (fresh.length > 0) yield { type: "entries", items: fresh };
          break;
        }
        case "gap":
          yield* fetchUpTo(item.to);
          seen = Math.max(seen, item.to);
          break;
        case "task":
          if (item.task.id !== taskId) break;
          if (!until(item.task)) {
            yield item;
            break;
          }
          yield* fetchUpTo(item.task.lastSeq);
          yield item;
          return;
        case "error":
          throw new UnexpectedAnswer(client.url, 200, `${item.code}: ${item.message}`);
        case "connection":
          if (item.state.type === "closed") throw await whyClosed(client, params, item.state.reason, signal);
          yield item;
      }
    }
  } finally {
    signal?.removeEventListener("abort", aborted);
    socket.close();
  }
}

/** The socket was refused; the same question over REST is answered with the reason. */
async function whyClosed(
  client: Client,
  params: { id: string },
  reason: string,
  signal: AbortSignal | undefined,
): Promise<Error> {
  try {
    await client.call(routes.showTask, { params }, { signal });
  } catch (error) {
    if (error instanceof ProblemError) return error;
  }
  return new ServerUnreachable(client.url, reason);
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
