/** A daemon that is only the wire: it takes runs, acknowledges, and reports what it is told to. */
import { randomUUID } from "node:crypto";
import { WebSocket } from "ws";
import {
  MAX_FRAME_BYTES,
  type DaemonFrame,
  type Report,
  type ServerFrame,
} from "@makima/protocol/daemon-wire";
import type { RunSpec } from "@makima/protocol/run-spec";
import { WIRE_VERSION } from "@makima/protocol/version";
import type { Bench } from "./figure.ts";
import { HOST, type BenchServer } from "./server.ts";

export interface FakeDaemonOptions {
  name: string;
  slots: number;
  /** A run came; `receivedAt` on the monotonic clock, taken before anything was done with its frame. */
  onSpawn(spec: RunSpec, receivedAt: number, daemon: FakeDaemon): void;
  /** The server has stored reports up to this number. */
  onStored?(upTo: number): void;
}

/** Frames of reports that may be unacknowledged, as with a real daemon. */
const WINDOW = 4;

export class FakeDaemon {
  readonly #socket: WebSocket;
  readonly #options: FakeDaemonOptions;
  readonly #runs = new Map<string, number>();
  #waiting: Report[] = [];
  #last = 0;
  #inFlight: number[] = [];
  #soon = false;
  #heartbeat: NodeJS.Timeout | undefined;

  private constructor(socket: WebSocket, options: FakeDaemonOptions) {
    this.#socket = socket;
    this.#options = options;
  }

  /** Connects; resolves when the server has welcomed it. */
  static async connect(bench: Bench, server: BenchServer, options: FakeDaemonOptions): Promise<FakeDaemon> {
    const address = `${server.url.replace("http", "ws")}/api/v1/mesh/daemons/connect`;
    const socket = new WebSocket(address, {
      perMessageDeflate: false,
      maxPayload: MAX_FRAME_BYTES,
      headers: { authorization: `Bearer ${server.key}` },
    });
    const daemon = new FakeDaemon(socket, options);
    bench.stack.defer(() => daemon.close());
    const welcome = Promise.withResolvers<void>();
    socket.on("error", welcome.reject);
    socket.on("close", (code, reason) => welcome.reject(new Error(`closed with ${code}: ${String(reason)}`)));
    socket.on("open", () => daemon.#hello());
    socket.on("message", (data) => {
      const at = performance.now();
      const frame = JSON.parse(String(data)) as ServerFrame;
      if (frame.type === "welcome") welcome.resolve();
      if (frame.type === "refused") welcome.reject(new Error(frame.message));
      daemon.#take(frame, at);
    });
    await welcome.promise;
    return daemon;
  }

  /** Returns the number of the last one. Reports of one turn of the event loop travel together. */
  report(...reports: Report[]): number {
    for (const report of reports) this.#waiting.push(report);
    if (!this.#soon) {
      this.#soon = true;
      setImmediate(() => {
        this.#soon = false;
        this.#pump();
      });
    }
    return this.#last + this.#waiting.length;
  }

  /** Reports that the server has not stored. */
  get unstored(): number {
    return this.#waiting.length + this.#inFlight.length;
  }

  /** The run is over, well. Returns the number of the report that says so. */
  end({ runId, taskId, epoch }: RunSpec): number {
    this.#runs.delete(runId);
    return this.report({ type: "runEnded", runId, taskId, epoch, outcome: { type: "done" }, runtimeSecs: 0 });
  }

  close(): void {
    clearInterval(this.#heartbeat);
    this.#socket.terminate();
  }

  #hello(): void {
    const { name, slots } = this.#options;
    this.#send({
      type: "hello",
      wireVersion: WIRE_VERSION,
      version: "bench",
      capabilities: [],
      daemonId: randomUUID(),
      journalId: randomUUID(),
      name,
      hostId: HOST,
      hostname: HOST,
      labels: [],
      slots,
      agents: [{ name: "sim", available: true }],
      commandsReceived: 0,
      runs: [],
    });
  }

  #take(frame: ServerFrame, at: number): void {
    switch (frame.type) {
      case "welcome":
        this.#heartbeat = setInterval(() => this.#beat(), frame.heartbeatSecs * 1000);
        return;
      case "commands":
        this.#send({ type: "commandsStored", upTo: frame.first + frame.items.length - 1 });
        for (const command of frame.items) {
          if (command.type !== "spawnTask") continue;
          this.#runs.set(command.spec.runId, command.spec.epoch);
          this.#options.onSpawn(command.spec, at, this);
        }
        return;
      case "reportsStored":
        this.#inFlight = this.#inFlight.filter((last) => last > frame.upTo);
        this.#pump();
        this.#options.onStored?.(frame.upTo);
        return;
      default:
    }
  }

  #pump(): void {
    while (this.#waiting.length > 0 && this.#inFlight.length < WINDOW) {
      const items = this.#waiting.splice(0, 1000);
      const first = this.#last + 1;
      this.#last += items.length;
      this.#inFlight.push(this.#last);
      this.#send({ type: "reports", first, items });
    }
  }

  #beat(): void {
    const runs = [...this.#runs].map(([runId, epoch]) => ({ runId, epoch }));
    this.#send({ type: "heartbeat", runs, freeSlots: this.#options.slots - runs.length });
  }

  #send(frame: DaemonFrame): void {
    this.#socket.send(JSON.stringify(frame));
  }
}
