/** `GET /api/v1/events`: the monitor's events as server-sent events, for whatever cannot open a WebSocket. */
import type { FastifyReply, FastifyRequest } from "fastify";
import type { ServerResponse } from "node:http";
import { monitorFilterSchema } from "@makima/protocol/watch-wire";
import type { EventFeeds } from "../ws/event-feeds.ts";
import { LOW_WATER } from "../ws/outlet.ts";
import { callerOf } from "./mount.ts";
import { sendRefusal } from "./problem-reply.ts";

export async function streamEvents(
  request: FastifyRequest,
  reply: FastifyReply,
  feeds: EventFeeds,
  /** Milliseconds between comments that keep proxies from closing a silent stream. */
  pingMs: number,
): Promise<FastifyReply> {
  const since = sinceOf(request);
  if (since !== undefined && !(Number.isSafeInteger(since) && since >= 0)) {
    return sendRefusal(reply, {
      code: "VALIDATION_FAILED",
      detail: "Last-Event-ID is the number of an event.",
      errors: [{ pointer: "Last-Event-ID", message: "must be a whole number, 0 or more" }],
    });
  }
  reply.hijack();
  const stream = reply.raw;
  stream.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
  });
  stream.write(": makima\n\n");
  const ping = setInterval(() => stream.write(": ping\n\n"), pingMs);
  ping.unref();
  const stop = await feeds
    .listen(callerOf(request), monitorFilterSchema.parse({ since }), sinkOf(stream))
    .catch((error: unknown) => {
      // The head is out; the client comes again by itself and is answered properly then.
      request.log.warn({ err: error }, "events could not be streamed");
      stream.end();
      return () => undefined;
    });
  const ended = () => {
    clearInterval(ping);
    stop();
  };
  if (stream.closed) ended();
  else stream.once("close", ended);
  return reply;
}

function sinceOf(request: FastifyRequest): number | undefined {
  const { since } = request.query as { since?: string };
  const text = request.headers["last-event-id"] ?? since;
  return typeof text === "string" && text !== "" ? Number(text) : undefined;
}

function sinkOf(stream: ServerResponse) {
  const write = (type: string, data: string, id?: number) =>
    stream.write(`${id === undefined ? "" : `id: ${id}\n`}event: ${type}\ndata: ${data}\n\n`);
  return {
    get closed() {
      return stream.closed || stream.destroyed;
    },
    buffered: () => stream.writableLength,
    async drained() {
      while (stream.writableLength > LOW_WATER && !stream.closed && !stream.destroyed) {
        await new Promise<void>((resolve) => {
          const go = () => {
            stream.off("drain", go);
            stream.off("close", go);
            resolve();
          };
          stream.on("drain", go);
          stream.on("close", go);
        });
      }
    },
    event: (event: { seq: number; type: string }) => void write(event.type, JSON.stringify(event), event.seq),
    gap: (from: number, to: number) => void write("gap", JSON.stringify({ from, to }), to),
    ready: (seq: number) => void write("ready", JSON.stringify({ seq })),
  };
}
