/**
 * The daemon's end of the wire to the server.
 *
 * Whatever happens to the connection, three things hold. A report leaves only from the outbox, in order, and
 * stays there until the server has stored it. A command counts as received only when it is in the journal.
 * And while the server cannot be heard, the daemon's own monotonic clock says when its runs may have been
 * given to another: shortly before that it asks for them to be stopped (`fenced`).
 */
import { EventEmitter } from "node:events";
import { performance } from "node:perf_hooks";
import { fenceAt } from "@makima/core/run";
import {
  MAX_BATCH_BYTES,
  serverFrameSchema,
  type DaemonFrame,
  type Query,
  type ServerFrame,
} from "@makima/protocol/daemon-wire";
import type { Logger } from "pino";
import { commandsReceived, storeCommands } from "../journal/commands.ts";
import { metaOf, setMeta, type Journal } from "../journal/open.ts";
import type { Outbox } from "../journal/outbox.ts";
import { LinkError } from "./link-error.ts";
import type { LeaveAction, LeaveDesk } from "./leave.ts";

type Hello = Extract<DaemonFrame, { type: "hello" }>;
type Welcome = Extract<ServerFrame, { type: "welcome" }>;

/** A connection that is open; made anew by whoever owns reconnection. */
export interface Wire {
  send(text: string): void;
  /** Closes and lets the connection be made anew. */
  drop(reason: string): void;
}

/** What the link is given; all of it belongs to the daemon. */
export interface LinkOptions {
  journal: Journal;
  outbox: Outbox;
  log: Logger;
  leave: LeaveDesk;
  hello: () => Omit<Hello, "type" | "journalId" | "commandsReceived">;
  /** Runs to name in a heartbeat. */
  liveRuns: () => { runId: string; epoch: number }[];
  freeSlots: () => number;
  answer: (query: Query) => Promise<unknown>;
}

export interface LinkEvents {
  /** The server has taken this daemon in; verdicts on the runs that it holds come along. */
  welcome: [welcome: Welcome];
  /** New commands are in the journal. */
  commands: [];
  /** These runs are no longer this daemon's. */
  lost: [runIds: string[]];
  /** The server was not heard for so long that it will soon give the runs away. */
  fenced: [];
  /** The server does not want this daemon, and will not: no reconnection helps. */
  refused: [error: LinkError];
}

/** Batches on their way at a time; enough to hide a round trip, few enough to stay fair to commands. */
const WINDOW = 4;
const FINAL_REFUSALS = new Set(["daemonTooOld", "serverTooOld", "unauthorized"]);

export class Link extends EventEmitter<LinkEvents> {
  readonly #options: LinkOptions;
  #wire: Wire | undefined;
  #welcome: Welcome | undefined;
  #sent = 0;
  #inFlight: number[] = [];
  #pumping = false;
  #heartbeat: NodeJS.Timeout | undefined;
  #fence: NodeJS.Timeout | undefined;
  /** When the hello and the heartbeats were sent that the server has not answered yet; its own monotonic clock. */
  #unanswered: number[] = [];

  constructor(options: LinkOptions) {
    super();
    this.#options = options;
    options.outbox.on("added", () => this.#pumpSoon());
    options.leave.on("asked", () => this.#sendLeaveRequests());
  }

  get connected(): boolean {
    return this.#welcome !== undefined;
  }

  /** The connection is open: introduce the daemon. */
  opened(wire: Wire): void {
    this.#wire = wire;
    const { journal } = this.#options;
    const hello: Hello = {
      type: "hello",
      ...this.#options.hello(),
      journalId: journal.journalId,
      commandsReceived: commandsReceived(journal),
    };
    this.#unanswered = [performance.now()];
    this.#send(hello);
  }

  /** The connection is gone; reports wait in the outbox until the next one. */
  closed(): void {
    this.#wire = undefined;
    this.#welcome = undefined;
    this.#inFlight = [];
    clearInterval(this.#heartbeat);
  }

  /** The server answered the attempt to connect with an HTTP status that no new attempt will change. */
  denied(status: number): void {
    const why = status === 401 ? "the key is not known or was revoked" : "this key may not connect a daemon";
    const next = "Make a key with: makima api-keys create --kind daemon";
    this.emit("refused", new LinkError("refused", `The server answered ${status}: ${why}. ${next}`));
  }

  /** No more timers; for good. */
  close(): void {
    this.closed();
    clearTimeout(this.#fence);
  }

  /** One text frame from the server. A frame that is not understood drops the connection, never the daemon. */
  received(text: string): void {
    let frame: ServerFrame;
    try {
      frame = serverFrameSchema.parse(JSON.parse(text));
    } catch (cause) {
      this.#options.log.error({ err: cause }, "a frame from the server is not understood");
      this.#wire?.drop("a frame was not understood");
      return;
    }
    switch (frame.type) {
      case "welcome":
        return this.#welcomed(frame);
      case "refused":
        return this.#refused(frame.reason, frame.message);
      case "commands":
        return this.#commands(frame.first, frame.items);
      case "reportsStored":
        return this.#stored(frame.upTo);
      case "leases":
        this.#heard();
        if (frame.lost.length > 0) this.emit("lost", frame.lost);
        return;
      case "leave":
        return this.#options.leave.answered(frame.requestId, frame.granted);
      case "query":
        void this.#reply(frame.requestId, frame.query);
    }
  }

  /** Tells at once about a change that only matters now, such as an agent found. */
  sendNow(frame: Extract<DaemonFrame, { type: "agents" }>): void {
    if (this.#welcome) this.#send(frame);
  }

  #welcomed(welcome: Welcome): void {
    const { journal, outbox, log } = this.#options;
    const known = metaOf(journal.state, "server_id");
    if (known !== undefined && known !== welcome.serverId) {
      const error = new LinkError(
        "other_server",
        "The journal of this daemon belongs to another server. Point local_db.path to another file for this server.",
      );
      this.emit("refused", error);
      return;
    }
    if (welcome.reportsStored > outbox.last) {
      const error = new LinkError(
        "journal_behind",
        `The server has reports up to ${welcome.reportsStored}, the journal only up to ${outbox.last}: its end was lost.`,
      );
      this.emit("refused", error);
      return;
    }
    if (known === undefined) setMeta(journal.state, "server_id", welcome.serverId);
    this.#welcome = welcome;
    outbox.acknowledge(welcome.reportsStored);
    this.#sent = welcome.reportsStored;
    this.#inFlight = [];
    this.#heard();
    clearInterval(this.#heartbeat);
    this.#heartbeat = setInterval(() => this.#beat(), welcome.heartbeatSecs * 1000);
    log.info({ version: welcome.version }, "connected to the server");
    this.emit("welcome", welcome);
    this.#beat();
    this.#sendLeaveRequests();
    this.#pump();
  }

  #refused(reason: string, message: string): void {
    this.#options.log.warn({ reason }, message);
    if (FINAL_REFUSALS.has(reason)) this.emit("refused", new LinkError("refused", message));
    else this.#wire?.drop(reason);
  }

  #commands(first: number, items: Parameters<typeof storeCommands>[2]): void {
    let upTo: number;
    try {
      upTo = storeCommands(this.#options.journal, first, items);
    } catch (cause) {
      this.#options.log.error({ err: cause }, "commands could not be stored");
      this.#wire?.drop("commands could not be stored");
      return;
    }
    this.#send({ type: "commandsStored", upTo });
    this.emit("commands");
  }

  #stored(upTo: number): void {
    this.#options.outbox.acknowledge(upTo);
    this.#inFlight = this.#inFlight.filter((last) => last > upTo);
    this.#pump();
  }

  /** Reports of one turn of the event loop go together. */
  #pumpSoon(): void {
    if (this.#pumping || !this.#welcome) return;
    this.#pumping = true;
    setImmediate(() => {
      this.#pumping = false;
      this.#pump();
    });
  }

  #pump(): void {
    while (this.#welcome && this.#wire && this.#inFlight.length < WINDOW) {
      const batch = this.#options.outbox.after(this.#sent, MAX_BATCH_BYTES);
      if (!batch) return;
      this.#sent = batch.first + batch.items.length - 1;
      this.#inFlight.push(this.#sent);
      // The reports are JSON already; parsing them only to print them again would double the work.
      this.#wire.send(`{"type":"reports","first":${batch.first},"items":[${batch.items.join(",")}]}`);
    }
  }

  #beat(): void {
    if (!this.#welcome) return;
    this.#unanswered.push(performance.now());
    this.#send({ type: "heartbeat", runs: this.#options.liveRuns(), freeSlots: this.#options.freeSlots() });
  }

  /** The server was heard and holds our leases: the fence moves on. */
  #heard(): void {
    if (!this.#welcome) return;
    clearTimeout(this.#fence);
    const rules = { leaseMs: this.#welcome.leaseSecs * 1000, graceMs: this.#welcome.graceSecs * 1000 };
    // The server renewed when it got our word, which was after we sent it and before it answered.
    const sentAt = this.#unanswered.shift() ?? performance.now();
    const waitMs = fenceAt(sentAt, rules) - performance.now();
    this.#fence = setTimeout(() => {
      const silentMs = Math.round(performance.now() - sentAt);
      this.#options.log.warn({ silentMs }, "the server was not heard in time");
      this.emit("fenced");
    }, waitMs);
    this.#fence.unref();
  }

  #sendLeaveRequests(): void {
    if (!this.#welcome) return;
    for (const { requestId, run, action } of this.#options.leave.open()) {
      this.#send({ type: "askLeave", requestId, ...run, action: action satisfies LeaveAction });
    }
  }

  async #reply(requestId: string, query: Query): Promise<void> {
    const wire = this.#wire;
    let frame: DaemonFrame;
    try {
      frame = { type: "reply", requestId, result: { ok: true, value: await this.#options.answer(query) } };
    } catch (cause) {
      const { code, message } = cause as { code?: unknown; message: string };
      const result = { ok: false as const, code: typeof code === "string" ? code : "failed", message };
      frame = { type: "reply", requestId, result };
    }
    if (wire && wire === this.#wire) this.#send(frame);
  }

  #send(frame: DaemonFrame): void {
    this.#wire?.send(JSON.stringify(frame));
  }
}
