/** What is not JSON of the contract: metrics, the API's description and its pages, the event stream. */
import type { FastifyInstance, FastifyRequest, FastifyReply } from "fastify";
import type { ServerResponse } from "node:http";
import type { Caller } from "../deps.ts";
import type { Outcome } from "../outcome.ts";
import type { EventFeeds } from "../ws/event-feeds.ts";
import { refuseScope } from "./access.ts";
import { docsPage, errorPage } from "./docs-page.ts";
import { streamEvents } from "./event-stream.ts";
import { API_ROOT } from "./mount.ts";
import { sendRefusal } from "./problem-reply.ts";

export interface PlainOptions {
  identify(request: FastifyRequest): Promise<Outcome<Caller>>;
  events: EventFeeds;
  /** Prometheus' text. */
  scrape(): Promise<string>;
  /** Milliseconds between comments in an event stream. */
  pingMs: number;
}

export interface PlainRoutes {
  /** Ends the event streams that are open. */
  close(): void;
}

/** A key that may read opens all of these; a task's key none, since they are not of one contract. */
export function mountPlain(app: FastifyInstance, options: PlainOptions): PlainRoutes {
  const streams = new Set<ServerResponse>();
  const guarded = {
    schema: { hide: true } as object,
    onRequest: async (request: FastifyRequest, reply: FastifyReply) => {
      const outcome = await options.identify(request);
      if (!outcome.ok) return sendRefusal(reply, outcome.refusal);
      if (outcome.value.principal !== "person") {
        return sendRefusal(reply, { code: "FORBIDDEN", detail: "Only a person's key may do this." });
      }
      const refusal = refuseScope("read", outcome.value);
      if (refusal) return sendRefusal(reply, refusal);
      request.caller = outcome.value;
      return undefined;
    },
  };

  let description: string | undefined;
  app.get(`${API_ROOT}/openapi.json`, guarded, async (_request, reply) => {
    description ??= JSON.stringify(app.swagger());
    return reply.type("application/json; charset=utf-8").send(description);
  });
  app.get(`${API_ROOT}/events`, guarded, (request, reply) => {
    streams.add(reply.raw);
    reply.raw.once("close", () => streams.delete(reply.raw));
    return streamEvents(request, reply, options.events, options.pingMs);
  });
  app.get("/metrics", guarded, async (_request, reply) =>
    reply.type("text/plain; version=0.0.4; charset=utf-8").send(await options.scrape()),
  );
  app.get("/docs", guarded, async (_request, reply) => html(reply, docsPage()));
  app.get<{ Params: { name: string } }>("/docs/errors/:name", guarded, async (request, reply) => {
    const page = errorPage(request.params.name);
    if (page) return html(reply, page);
    return sendRefusal(reply, {
      code: "NOT_FOUND",
      detail: "There is no such error code.",
      next: ["GET /docs"],
    });
  });
  return {
    close() {
      for (const stream of streams) stream.end();
    },
  };
}

function html(reply: FastifyReply, page: string): FastifyReply {
  return reply.type("text/html; charset=utf-8").send(page);
}
