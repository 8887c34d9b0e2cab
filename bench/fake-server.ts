/** A server that is only the wire: it welcomes one daemon, gives it runs, takes its reports. */
import { randomUUID } from "node:crypto";
import { EventEmitter, once } from "node:events";
import type { AddressInfo } from "node:net";
import { WebSocketServer, type WebSocket } from "ws";
import {
  MAX_FRAME_BYTES,
  type Command,
  type DaemonFrame,
  type Report,
  type ServerFrame,
} from "@makima/protocol/daemon-wire";
import type { RunSpec } from "@makima/protocol/run-spec";
import { WIRE_VERSION } from "@makima/protocol/version";
import type { Bench } from "./figure.ts";

export class FakeServer extends EventEmitter<{ report: [report: Report] }> {
  readonly #sockets: WebSocketServer;
  readonly #welcomed = Promise.withResolvers<void>();
  #daemon: WebSocket | undefined;
  #commands = 0;

  private constructor(sockets: WebSocketServer) {
    super();
    this.setMaxListeners(0);
    this.#sockets = sockets;
    sockets.on("connection", (socket) => {
      this.#daemon = socket;
      socket.on("message", (data) => this.#take(JSON.parse(String(data)) as DaemonFrame));
    });
  }

  static async start(bench: Bench): Promise<FakeServer> {
    const sockets = new WebSocketServer({ host: "127.0.0.1", port: 0, maxPayload: MAX_FRAME_BYTES });
    await once(sockets, "listening");
    bench.stack.defer(() => {
      for (const socket of sockets.clients) socket.terminate();
      sockets.close();
    });
    return new FakeServer(sockets);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#sockets.address() as AddressInfo).port}`;
  }

  /** Resolves when a daemon was welcomed. */
  get connected(): Promise<void> {
    return this.#welcomed.promise;
  }

  command(command: Command): void {
    this.#commands += 1;
    this.#send({ type: "commands", first: this.#commands, items: [command] });
  }

  /** Resolves with the first report that `matches`; refuses when the run fails instead. */
  async reported(runId: string, matches: (report: Report) => boolean): Promise<Report> {
    const found = Promise.withResolvers<Report>();
    const look = (report: Report) => {
      if (!("runId" in report) || report.runId !== runId) return;
      if (matches(report)) found.resolve(report);
      else if (report.type === "runEnded")
        found.reject(new Error(`The run ended: ${JSON.stringify(report.outcome)}`));
    };
    this.on("report", look);
    return found.promise.finally(() => this.off("report", look));
  }

  #take(frame: DaemonFrame): void {
    switch (frame.type) {
      case "hello":
        this.#welcomed.resolve();
        return this.#send({
          type: "welcome",
          wireVersion: WIRE_VERSION,
          version: "bench",
          capabilities: [],
          serverId: "bench",
          heartbeatSecs: 10,
          leaseSecs: 60,
          graceSecs: 600,
          reportsStored: 0,
          runs: [],
        });
      case "reports":
        this.#send({ type: "reportsStored", upTo: frame.first + frame.items.length - 1 });
        for (const report of frame.items) this.emit("report", report);
        return undefined;
      case "heartbeat":
        return this.#send({ type: "leases", renewed: frame.runs.map(({ runId }) => runId), lost: [] });
      case "askLeave":
        return this.#send({ type: "leave", requestId: frame.requestId, granted: true });
      default:
        return undefined;
    }
  }

  #send(frame: ServerFrame): void {
    this.#daemon?.send(JSON.stringify(frame));
  }
}

/** A run of the simulated agent's kind in a local repository, with nothing to do when it is done. */
export function specFor(repository: string): RunSpec {
  const taskId = randomUUID();
  return {
    runId: randomUUID(),
    epoch: 1,
    attempt: 1,
    taskId,
    taskShortId: "t-bench",
    taskName: "bench",
    plan: "Nothing.",
    repository: { id: randomUUID(), name: "bench", kind: "local", path: repository },
    branch: `makima/bench/${taskId}`,
    copyFiles: [],
    completionAction: "none",
    agent: "sim",
    autonomous: false,
    singleTask: false,
    maxIterations: 1,
    noChangeThreshold: 3,
    sameErrorThreshold: 5,
    limits: {},
    spent: { costUsd: 0, runtimeSecs: 0 },
    options: {
      requireTests: false,
      testTimeoutSecs: 60,
      requireLint: false,
      criteriaEnabled: false,
      requireVerifiable: false,
      autoAppendStandard: [],
      contextRecovery: { enabled: true, includeGitStatus: true, includeRecentProgress: true, handoffAt: 0.8 },
      progressLog: { enabled: true, maxEntriesInjected: 20 },
      commit: { enabled: true, messageFormat: "conventional", coAuthor: "none" },
    },
    messages: [],
    apiKey: `mk_${randomUUID()}`,
  };
}
