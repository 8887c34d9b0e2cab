/** One connection of a daemon that has said hello: its lines, its place in the registry, its end. */
import type { DaemonFrame, Query, REFUSALS, ServerFrame } from "@makima/protocol/daemon-wire";
import type { WebSocket } from "ws";
import type { Caller, Deps } from "../deps.ts";
import { applyReports } from "../jobs/apply-reports.ts";
import { askLeave } from "../jobs/ask-leave.ts";
import { acknowledgeCommands, listCommands } from "../jobs/commands.ts";
import { daemonGone } from "../jobs/daemon-gone.ts";
import { daemonHello } from "../jobs/daemon-hello.ts";
import { saveAgents } from "../jobs/daemons.ts";
import { renewLeases } from "../jobs/renew-leases.ts";
import { refused, type Outcome } from "../outcome.ts";
import { isUuid } from "../store/resolve.ts";
import { closeSoon, POLICY_VIOLATION, TRY_AGAIN_LATER } from "./close-soon.ts";
import { CommandLine } from "./daemon-commands.ts";
import { HeartbeatLine } from "./daemon-heartbeats.ts";
import { QueryDesk } from "./daemon-queries.ts";
import type { DaemonLink, DaemonRegistry } from "./daemon-registry.ts";
import { ReportLine } from "./daemon-reports.ts";

export type Hello = Extract<DaemonFrame, { type: "hello" }>;
export type RefusalReason = (typeof REFUSALS)[number];

export interface DaemonDoor {
  deps: Deps;
  registry: DaemonRegistry;
  /** Milliseconds in which a new connection must introduce itself. */
  helloMs: number;
  /** A heartbeat was taken in. */
  beat(): void;
}

const MAX_INT4 = 2 ** 31;
/** A connection looks for commands by itself this often, for signals that were lost with a database. */
const SWEEP_MS = 30_000;

export class DaemonSession implements DaemonLink {
  readonly daemonId: string;
  readonly journalId: string;
  readonly ownerId: string;
  readonly #hello: Hello;
  readonly #caller: Caller;
  readonly #door: DaemonDoor;
  readonly #deps: Deps;
  readonly #socket: WebSocket;
  readonly #queries: QueryDesk;
  readonly #reports: ReportLine;
  readonly #heartbeats: HeartbeatLine<Extract<DaemonFrame, { type: "heartbeat" }>>;
  #commands: CommandLine | undefined;
  #connectionEpoch = 0;
  #sweep: NodeJS.Timeout | undefined;
  #opening: Promise<boolean> | undefined;
  #ended: Promise<void> | undefined;

  constructor(hello: Hello, caller: Caller, door: DaemonDoor, socket: WebSocket) {
    this.daemonId = hello.daemonId;
    this.journalId = hello.journalId;
    this.ownerId = caller.ownerId;
    this.#hello = hello;
    this.#caller = caller;
    this.#door = door;
    this.#deps = door.deps;
    this.#socket = socket;
    this.#queries = new QueryDesk((frame) => this.#send(frame));
    const failed = (error: unknown) => this.#failed(error);
    this.#reports = new ReportLine({
      apply: (first, items) =>
        applyReports(this.#deps, { daemonId: this.daemonId, journalId: this.journalId, first, items }),
      stored: (upTo) => this.#send({ type: "reportsStored", upTo }),
      hold: (on) => (on ? socket.pause() : socket.resume()),
      failed,
    });
    this.#heartbeats = new HeartbeatLine(
      async (beat) => {
        // Leases of all daemons are renewed together: none may bring what the others' would fail with.
        const runs = beat.runs.filter(({ runId, epoch }) => isUuid(runId) && epoch > 0 && epoch < MAX_INT4);
        const strange = beat.runs.filter((run) => !runs.includes(run)).map(({ runId }) => runId);
        const { renewed, lost } = await renewLeases(this.#deps, { daemonId: this.daemonId, runs });
        this.#send({ type: "leases", renewed, lost: [...lost, ...strange] });
        door.beat();
      },
      (error) => this.#deps.log.warn({ err: error, daemonId: this.daemonId }, "leases could not be renewed"),
    );
  }

  /** True once the daemon is welcome. Else it was told why not. Throws when the database fails. */
  open(): Promise<boolean> {
    this.#opening ??= this.#enter();
    return this.#opening;
  }

  async #enter(): Promise<boolean> {
    const entry = await this.#door.registry.enter(this, () => this.#greet());
    if (entry.ok) return this.#commands !== undefined;
    this.refuse(entry.reason, entry.message);
    return false;
  }

  async #greet(): Promise<boolean> {
    if (this.#socket.readyState !== this.#socket.OPEN) return false;
    const outcome = await daemonHello(this.#deps, this.#caller, this.#hello);
    if (!outcome.ok) {
      this.refuse(outcome.refusal.reason, outcome.refusal.message);
      return false;
    }
    const { welcome, connectionEpoch } = outcome.value;
    this.#connectionEpoch = connectionEpoch;
    this.#send({ type: "welcome", ...welcome });
    this.#commands = new CommandLine({
      received: this.#hello.commandsReceived,
      read: (after, limit) => listCommands(this.#deps, this.daemonId, after, limit),
      acknowledge: (upTo) => acknowledgeCommands(this.#deps, this.daemonId, upTo),
      send: (text) => this.#sendText(text),
      failed: (error) => this.#failed(error),
    });
    this.#commands.pump();
    this.#sweep = setInterval(() => this.pump(), SWEEP_MS);
    this.#sweep.unref();
    return true;
  }

  /** A frame that came after the hello. `bytes` of its text. */
  take(frame: DaemonFrame, bytes: number): void {
    switch (frame.type) {
      case "hello":
        return this.refuse("badFrame", "A second hello came on one connection.");
      case "reports":
        return this.#reports.take(frame.first, frame.items, bytes);
      case "commandsStored":
        if (this.#commands?.acknowledged(frame.upTo)) return undefined;
        return this.refuse("badFrame", `Command ${frame.upTo} was never sent.`);
      case "heartbeat":
        this.#commands?.beat();
        return this.#heartbeats.take(frame);
      case "askLeave":
        return void this.#answerLeave(frame);
      case "reply":
        return this.#queries.answered(frame);
      case "agents":
        return void saveAgents(this.#deps, this.daemonId, frame.agents).catch((error: unknown) =>
          this.#failed(error),
        );
    }
  }

  ask(query: Query, timeoutMs: number): Promise<Outcome<unknown>> {
    if (this.#commands) return this.#queries.ask(query, timeoutMs);
    return Promise.resolve(
      refused("NO_DAEMON", "The daemon is only just connecting. Try again in a moment."),
    );
  }

  pump(): void {
    this.#commands?.pump();
  }

  refuse(reason: RefusalReason, message: string): void {
    this.#send({ type: "refused", reason, message });
    closeSoon(this.#socket, POLICY_VIOLATION, reason);
  }

  /** Part of the registry's DaemonLink: another connection takes over, or the server stops. */
  end(reason: RefusalReason, message: string): Promise<void> {
    this.refuse(reason, message);
    return this.closed();
  }

  /** The connection is over; resolves when nothing of it runs any more. */
  closed(): Promise<void> {
    this.#ended ??= this.#leave();
    return this.#ended;
  }

  async #leave(): Promise<void> {
    // A connection that ends while it is taken in is taken in first, so that it leaves no trace.
    await this.#opening?.catch(() => undefined);
    clearInterval(this.#sweep);
    this.#queries.close();
    this.#commands?.close();
    await this.#reports.close();
    const wasCurrent = this.#door.registry.leave(this);
    if (!wasCurrent || this.#commands === undefined) return;
    try {
      await daemonGone(this.#deps, { daemonId: this.daemonId, connectionEpoch: this.#connectionEpoch });
    } catch (error) {
      this.#deps.log.warn({ err: error, daemonId: this.daemonId }, "a daemon's end could not be recorded");
    }
  }

  async #answerLeave(frame: Extract<DaemonFrame, { type: "askLeave" }>): Promise<void> {
    const { requestId } = frame;
    try {
      const answer = await askLeave(this.#deps, { daemonId: this.daemonId, ...frame });
      this.#send({ type: "leave", requestId, ...answer });
    } catch (error) {
      // No answer is a no that may become a yes: the daemon asks again on its next connection.
      this.#failed(error);
    }
  }

  /** The daemon connects anew and each side sends again what the other does not have. */
  #failed(error: unknown): void {
    this.#deps.log.error({ err: error, daemonId: this.daemonId }, "a daemon's connection is begun anew");
    closeSoon(this.#socket, TRY_AGAIN_LATER, "try again");
  }

  #send(frame: ServerFrame): void {
    this.#sendText(JSON.stringify(frame));
  }

  #sendText(text: string): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(text);
  }
}
