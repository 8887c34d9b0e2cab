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
import { z } from "zod";
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
  /** After `fenced`, on the same connection: the server answers again, and these runs are still this daemon's. */
  renewed: [runIds: string[]];
  /** The server was not heard for so long that it will soon give the runs away. */
  fenced: [];
  /** The server does not want this daemon, and will not: no reconnection helps. */
  refused: [error: LinkError];
}

/** Batches on their way at a time; enough to hide a round trip, few enough to stay fair to commands. */
const WINDOW = 4;
const FINAL_REFUSALS = new Set(["daemonTooOld", "serverTooOld", "unauthorized"]);
/** Heartbeats that may be unanswered before the oldest is forgotten: the server answers the newest of several. */
const UNANSWERED_BEATS = 3;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** A frame with commands of which not all are understood: those are kept too, so that nothing jams behind them. */
const commandsFrameSchema = z.object({
  type: z.literal("commands"),
  first: z.int().min(1),
  items: z.array(z.looseObject({ type: z.string() })).min(1),
});

export class Link extends EventEmitter<LinkEvents> {
  readonly #options: LinkOptions;
  #wire: Wire | undefined;
  #welcome: Welcome | undefined;
  #sent = 0;
  #inFlight: number[] = [];
  #pumping = false;
  #heartbeat: NodeJS.Timeout | undefined;
  #fence: NodeJS.Timeout | undefined;
  #fenced = false;
  /** The server will not have this daemon: nothing that it says counts any more. */
  #over = false;
  /** The oldest report in flight at the last heartbeat, and for how many it has been that one. */
  #oldestAtBeat: number | undefined;
  #beatsWaited = 0;
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
      reportsLast: this.#options.outbox.last,
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
    this.#give("refused", `The server answered ${status}: ${why}. ${next}`);
  }

  /** No more timers; for good. */
  close(): void {
    this.closed();
    clearTimeout(this.#fence);
  }

  /** One text frame from the server. A frame that is not understood drops the connection, never the daemon. */
  received(text: string): void {
    if (this.#over) return;
    let frame: ServerFrame;
    try {
      const json: unknown = JSON.parse(text);
      const commands = commandsFrameSchema.safeParse(json);
      if (commands.success) return this.#commands(commands.data.first, commands.data.items);
      frame = serverFrameSchema.parse(json);
    } catch (cause) {
      this.#options.log.error({ err: cause }, "a frame from the server is not understood");
      this.#wire?.drop("a frame was not understood");
      return;
    }
    // What a server says before it has taken us in is not meant for us.
    if (!this.#welcome && frame.type !== "welcome" && frame.type !== "refused") return;
    switch (frame.type) {
      case "welcome":
        return this.#welcomed(frame);
      case "refused":
        return this.#refused(frame.reason, frame.message);
      case "commands":
        return;
      case "reportsStored":
        return this.#stored(frame.upTo);
      case "leases":
        return this.#leases(frame.renewed, frame.lost);
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
      this.#give(
        "other_server",
        "The journal of this daemon belongs to another server. Point local_db.path to another file for this server.",
      );
      return;
    }
    if (welcome.reportsStored > outbox.last || welcome.reportsStored < outbox.acknowledged) {
      const facts = { server: welcome.reportsStored, last: outbox.last, acknowledged: outbox.acknowledged };
      log.error(facts, "the journal and the server do not agree on what was reported; another is begun");
      outbox.renew(welcome.reportsStored);
      this.#wire?.drop("another journal is begun");
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
    this.#pump();
  }

  #refused(reason: string, message: string): void {
    this.#options.log.warn({ reason }, message);
    if (FINAL_REFUSALS.has(reason)) this.#give("refused", message);
    else this.#wire?.drop(reason);
  }

  /** Gives up on this server, for good. */
  #give(code: LinkError["code"], message: string): void {
    this.#over = true;
    this.#welcome = undefined;
    clearInterval(this.#heartbeat);
    this.emit("refused", new LinkError(code, message));
  }

  #commands(first: number, items: readonly unknown[]): void {
    if (!this.#welcome) return;
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

  /** Reports that were not acknowledged from one heartbeat to the next but one were lost on the way: connect anew. */
  #isStuck(): boolean {
    const oldest = this.#inFlight[0];
    this.#beatsWaited = oldest !== undefined && oldest === this.#oldestAtBeat ? this.#beatsWaited + 1 : 0;
    this.#oldestAtBeat = oldest;
    if (this.#beatsWaited < 2) return false;
    this.#beatsWaited = 0;
    this.#wire?.drop("reports were not acknowledged");
    return true;
  }

  #beat(): void {
    if (!this.#welcome || this.#isStuck()) return;
    // A request whose answer was lost is asked again, under the same number.
    this.#sendLeaveRequests();
    this.#unanswered = [...this.#unanswered, performance.now()].slice(-UNANSWERED_BEATS);
    this.#send({ type: "heartbeat", runs: this.#options.liveRuns(), freeSlots: this.#options.freeSlots() });
  }

  /**
   * The server was heard and holds our leases: the fence moves on. It counts from when we said that we live, not
   * from the answer: that may have lain in a buffer while this process was stopped.
   */
  #heard(): void {
    if (!this.#welcome) return;
    clearTimeout(this.#fence);
    const { leaseSecs, graceSecs } = this.#welcome;
    const now = performance.now();
    const said = this.#unanswered.shift() ?? now;
    const fence = () => {
      this.#fenced = true;
      const silentMs = Math.round(performance.now() - said);
      this.#options.log.warn({ silentMs }, "the server was not heard in time");
      this.emit("fenced");
    };
    const ms = fenceAt(said, { leaseMs: leaseSecs * 1000, graceMs: graceSecs * 1000 }) - now;
    if (ms <= 0) return fence();
    this.#fenced = false;
    this.#fence = setTimeout(fence, Math.min(ms, LONGEST_TIMER_MS));
    this.#fence.unref();
  }

  #leases(renewed: string[], lost: string[]): void {
    const wasFenced = this.#fenced;
    this.#heard();
    if (lost.length > 0) this.emit("lost", lost);
    if (wasFenced && !this.#fenced) this.emit("renewed", renewed);
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
