/**
 * The server's side of the wire, strict and without a database: it stores reports in memory, acknowledges them
 * cumulatively, numbers commands, and holds against the daemon whatever breaks the protocol (`problems`).
 * It can be as unpleasant as a network and another process can: drop, withhold, repeat, fall silent, restart.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import {
  daemonFrameSchema,
  type Command,
  type DaemonFrame,
  type Report,
  type ReportOf,
  type ServerFrame,
} from "@makima/protocol/daemon-wire";
import { WebSocketServer, type WebSocket } from "ws";
import { Watch } from "./watch.ts";

type Hello = Extract<DaemonFrame, { type: "hello" }>;
type Leave = Extract<DaemonFrame, { type: "askLeave" }>;
type Verdict = "keep" | "stop";

type LeaveManner = "grant" | "deny" | "hold";

interface Manners {
  heartbeatSecs: number;
  leaseSecs: number;
  graceSecs: number;
  /** `hold`: no answer, until it is changed and the daemon asks again. */
  leave: LeaveManner | ((leave: Leave) => LeaveManner);
  leases: "renew" | "lose" | "silent";
  verdict: (runId: string) => Verdict;
  /** Reports are stored and not acknowledged. */
  withholdAcks: boolean;
  /** Each frame with commands goes out twice, and once more from the first command on. */
  repeatCommands: boolean;
  /** Nothing is read and nothing said, while the connection stays. */
  silent: boolean;
  refuse: Extract<ServerFrame, { type: "refused" }>["reason"] | undefined;
  /** HTTP answer in place of a connection. */
  status: number | undefined;
  /** What the welcome says is stored, where it is not the truth. */
  reportsStored: number | undefined;
}

export class FakeServer extends Watch {
  serverId: string = randomUUID();
  readonly manners: Manners = {
    heartbeatSecs: 0.2,
    leaseSecs: 30,
    graceSecs: 30,
    leave: "grant",
    leases: "renew",
    verdict: () => "keep",
    withholdAcks: false,
    repeatCommands: false,
    silent: false,
    refuse: undefined,
    status: undefined,
    reportsStored: undefined,
  };
  /** Stored, in the order of their numbers; of all journals one after the other. */
  readonly reports: Report[] = [];
  readonly hellos: Hello[] = [];
  readonly leaves: Leave[] = [];
  readonly replies: Extract<DaemonFrame, { type: "reply" }>[] = [];
  readonly heartbeats: Extract<DaemonFrame, { type: "heartbeat" }>[] = [];
  /** What the daemon did against the protocol. Looked at when the test ends. */
  readonly problems: string[] = [];
  readonly commands: Command[] = [];
  commandsStored = 0;
  /** Frames with reports that came and were not acknowledged. */
  unacknowledged = 0;
  mostUnacknowledged = 0;
  readonly #journals = new Map<string, string[]>();
  #http: Server | undefined;
  #port = 0;
  #socket: WebSocket | undefined;
  #journal: string[] | undefined;

  static async start(t: TestContext, manners: Partial<Manners> = {}): Promise<FakeServer> {
    const server = new FakeServer();
    Object.assign(server.manners, manners);
    await server.listen();
    t.after(async () => {
      await server.stop();
      assert.deepEqual(server.problems, []);
    });
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get connected(): boolean {
    return this.#socket !== undefined;
  }

  async listen(): Promise<void> {
    const http = createServer((_, response) => response.writeHead(404).end());
    const sockets = new WebSocketServer({ noServer: true, maxPayload: 16 * 1024 * 1024 });
    http.on("upgrade", (request, socket, head) => {
      const { status } = this.manners;
      if (status !== undefined) return void socket.end(`HTTP/1.1 ${status} No\r\ncontent-length: 0\r\n\r\n`);
      sockets.handleUpgrade(request, socket, head, (wire) => this.#took(wire));
    });
    http.listen(this.#port, "127.0.0.1");
    await once(http, "listening");
    this.#port = (http.address() as AddressInfo).port;
    this.#http = http;
  }

  /** Gone from one moment to the next; what it stored stays. */
  async stop(): Promise<void> {
    const http = this.#http;
    this.#http = undefined;
    this.drop();
    if (!http) return;
    http.closeAllConnections();
    http.close();
    await once(http, "close");
  }

  /** Breaks the connection without a word. */
  drop(): void {
    this.#socket?.terminate();
    this.#socket = undefined;
  }

  /** Stores a command and sends it; answers its number. */
  command(command: Command): number {
    this.commands.push(command);
    if (this.#journal) this.#sendCommands(this.commands.length, [command]);
    return this.commands.length;
  }

  /** Acknowledges what is stored. */
  acknowledge(): void {
    this.unacknowledged = 0;
    if (this.#journal) this.send({ type: "reportsStored", upTo: this.#journal.length });
  }

  send(frame: ServerFrame | Record<string, unknown>): void {
    if (!this.manners.silent) this.#socket?.send(JSON.stringify(frame));
  }

  of<T extends Report["type"]>(type: T, runId?: string): ReportOf<T>[] {
    return this.reports.filter(
      (one): one is ReportOf<T> =>
        one.type === type && (runId === undefined || ("runId" in one && one.runId === runId)),
    );
  }

  /** The first report of a kind that fits, now or later. */
  report<T extends Report["type"]>(
    type: T,
    fits: (report: ReportOf<T>) => boolean = () => true,
  ): Promise<ReportOf<T>> {
    return this.until(`a report ${type}`, () => this.of(type).find(fits));
  }

  ended(runId: string): Promise<ReportOf<"runEnded">> {
    return this.report("runEnded", (one) => one.runId === runId);
  }

  /** The first entry of the history of a task that has this text, now or later. */
  entry(text: string | RegExp): Promise<string> {
    const has = (content: string) => (typeof text === "string" ? content.includes(text) : text.test(content));
    return this.until(
      `an entry with ${text}`,
      () => this.entries().find(({ content }) => has(content))?.content,
    );
  }

  entries(runId?: string) {
    return this.of("output", runId).flatMap((one) => one.entries);
  }

  /** A new connection was taken in. */
  async reconnected(after = this.hellos.length): Promise<void> {
    await this.until("another hello", () => this.hellos.length > after && this.#journal !== undefined);
  }

  override describe(): string {
    return this.reports
      .slice(-15)
      .map((one) => JSON.stringify(one).slice(0, 240))
      .join("\n");
  }

  #took(wire: WebSocket): void {
    this.drop();
    this.#socket = wire;
    this.#journal = undefined;
    this.unacknowledged = 0;
    wire.on("error", () => undefined);
    wire.on("close", () => {
      if (this.#socket === wire) this.#socket = undefined;
      this.look();
    });
    wire.on("message", (data) => {
      if (this.#socket !== wire || this.manners.silent) return;
      const frame = daemonFrameSchema.safeParse(JSON.parse((data as Buffer).toString("utf8")));
      if (frame.success) this.#frame(frame.data);
      else this.problems.push(`a frame that is not one: ${frame.error.message}`);
      this.look();
    });
  }

  #frame(frame: DaemonFrame): void {
    if (frame.type === "hello") return this.#hello(frame);
    if (!this.#journal) {
      // A connection whose hello was not liked may still have frames on their way.
      if (this.manners.refuse === undefined) this.problems.push(`${frame.type} before the welcome`);
      return;
    }
    switch (frame.type) {
      case "reports":
        return this.#store(frame.first, frame.items);
      case "commandsStored":
        this.commandsStored = Math.max(this.commandsStored, frame.upTo);
        if (frame.upTo > this.commands.length) this.problems.push(`command ${frame.upTo} was never sent`);
        return;
      case "heartbeat": {
        this.heartbeats.push(frame);
        const ids = frame.runs.map(({ runId }) => runId);
        const { leases } = this.manners;
        if (leases === "silent") return;
        const [renewed, lost] = leases === "renew" ? [ids, []] : [[], ids];
        return this.send({ type: "leases", renewed, lost });
      }
      case "askLeave":
        return this.#answerLeave(frame);
      case "reply":
        this.replies.push(frame);
        return;
      case "agents":
    }
  }

  #answerLeave(frame: Leave): void {
    this.leaves.push(frame);
    const { leave } = this.manners;
    const manner = typeof leave === "function" ? leave(frame) : leave;
    if (manner === "hold") return;
    this.send({ type: "leave", requestId: frame.requestId, granted: manner === "grant" });
  }

  #hello(hello: Hello): void {
    this.hellos.push(hello);
    const { manners } = this;
    if (manners.refuse !== undefined)
      return this.send({ type: "refused", reason: manners.refuse, message: `refused: ${manners.refuse}` });
    if (this.#journals.size > 0 && !this.#journals.has(hello.journalId)) {
      // What the lost journal had is gone with it; the rest follows on what the new one has.
      this.commands.splice(hello.commandsReceived, this.commandsStored - hello.commandsReceived);
      this.commandsStored = hello.commandsReceived;
    }
    const journal = this.#journals.get(hello.journalId) ?? [];
    this.#journals.set(hello.journalId, journal);
    this.#requireRuns(hello);
    this.#journal = journal;
    const { heartbeatSecs, leaseSecs, graceSecs } = manners;
    this.send({
      type: "welcome",
      wireVersion: hello.wireVersion,
      version: hello.version,
      capabilities: [],
      serverId: this.serverId,
      heartbeatSecs,
      leaseSecs,
      graceSecs,
      reportsStored: manners.reportsStored ?? journal.length,
      runs: hello.runs.map(({ runId }) => ({ runId, verdict: manners.verdict(runId) })),
    });
    const waiting = this.commands.slice(hello.commandsReceived);
    if (waiting.length > 0) this.#sendCommands(hello.commandsReceived + 1, waiting);
  }

  /** A real server takes a run that it knows and the daemon does not name for lost. */
  #requireRuns(hello: Hello): void {
    if (this.#journals.size > 1) return;
    const over = new Set(this.of("runEnded").map(({ runId }) => runId));
    const stopped = new Set(
      this.commands.flatMap((one) => (one.type === "stopRun" && one.manner !== "pause" ? [one.runId] : [])),
    );
    for (const command of this.commands.slice(0, hello.commandsReceived)) {
      if (command.type !== "spawnTask") continue;
      const { runId } = command.spec;
      if (over.has(runId) || stopped.has(runId) || this.manners.verdict(runId) === "stop") continue;
      if (!hello.runs.some((run) => run.runId === runId)) this.problems.push(`hello does not name ${runId}`);
    }
  }

  #store(first: number, items: Report[]): void {
    const journal = this.#journal ?? [];
    if (first > journal.length + 1) {
      this.problems.push(`reports ${journal.length + 1} to ${first - 1} are missing`);
      return;
    }
    for (const [index, item] of items.entries()) {
      const text = JSON.stringify(item);
      const known = journal[first - 1 + index];
      if (known === undefined) {
        journal.push(text);
        this.reports.push(item);
      } else if (known !== text)
        this.problems.push(`report ${first + index} came twice and was not the same`);
    }
    this.unacknowledged += 1;
    this.mostUnacknowledged = Math.max(this.mostUnacknowledged, this.unacknowledged);
    if (!this.manners.withholdAcks) this.acknowledge();
  }

  #sendCommands(first: number, items: Command[]): void {
    this.send({ type: "commands", first, items });
    if (!this.manners.repeatCommands) return;
    this.send({ type: "commands", first, items });
    this.send({ type: "commands", first: 1, items: this.commands.slice(0, first - 1 + items.length) });
  }
}
