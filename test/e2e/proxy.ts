/**
 * A WebSocket proxy between a daemon and its server that does to frames what bad networks and bad software do:
 * drops, doubles and holds them back, and cuts the connection, one way or both.
 */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { WebSocket, WebSocketServer } from "ws";

type Direction = "toServer" | "toDaemon";
/** What becomes of one frame: how many copies go on, 0 for none. */
export type Fate = (direction: Direction, text: string) => number;

export class Proxy implements AsyncDisposable {
  readonly #http: Server;
  readonly #pairs = new Set<{ daemon: WebSocket; server: WebSocket }>();
  fate: Fate = () => 1;
  /** Frames that did not go on, and copies that were too many. */
  dropped = 0;
  doubled = 0;

  private constructor(http: Server) {
    this.#http = http;
  }

  static async start(target: string): Promise<Proxy> {
    const http = createServer((_, response) => response.writeHead(502).end());
    const proxy = new Proxy(http);
    const door = new WebSocketServer({ noServer: true });
    http.on("upgrade", (request, socket, head) => {
      const { authorization } = request.headers;
      const server = new WebSocket(target.replace(/^http/, "ws") + (request.url ?? ""), {
        headers: authorization === undefined ? {} : { authorization },
      });
      server.on("error", () => socket.destroy());
      server.once("open", () => {
        door.handleUpgrade(request, socket, head, (daemon) => proxy.#join(daemon, server));
      });
    });
    http.listen(0, "127.0.0.1");
    await once(http, "listening");
    return proxy;
  }

  get url(): string {
    const address = this.#http.address();
    return `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}`;
  }

  /** Breaks every connection; the daemon may come again. */
  cut(): void {
    for (const { daemon, server } of this.#pairs) {
      daemon.terminate();
      server.terminate();
    }
  }

  #join(daemon: WebSocket, server: WebSocket): void {
    const pair = { daemon, server };
    this.#pairs.add(pair);
    const pass = (from: WebSocket, to: WebSocket, direction: Direction) => {
      from.on("message", (data) => {
        const text = String(data);
        const copies = this.fate(direction, text);
        if (copies === 0) this.dropped += 1;
        if (copies > 1) this.doubled += copies - 1;
        for (let i = 0; i < copies; i += 1) if (to.readyState === to.OPEN) to.send(text);
      });
      from.on("close", () => {
        this.#pairs.delete(pair);
        to.close();
      });
      from.on("error", () => to.terminate());
    };
    pass(daemon, server, "toServer");
    pass(server, daemon, "toDaemon");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.#http.close();
    this.#http.closeAllConnections();
    await once(this.#http, "close");
  }
}
