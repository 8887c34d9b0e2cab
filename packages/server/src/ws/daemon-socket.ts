/**
 * `WS /api/v1/mesh/daemons/connect`: the server's end of one daemon's wire.
 *
 * hello → (one connection per daemon) → welcome or refused. Then, each on its own line so that none waits
 * for another: reports into the database in order, commands out of it in order, heartbeats, leave, queries.
 */
import type { DaemonFrame } from "@makima/protocol/daemon-wire";
import type { WebSocket } from "ws";
import type { Caller } from "../deps.ts";
import { closeSoon, POLICY_VIOLATION, TRY_AGAIN_LATER } from "./close-soon.ts";
import { DaemonSession, type DaemonDoor, type Hello, type RefusalReason } from "./daemon-session.ts";
import { decodeDaemonFrame } from "./daemon-frame.ts";
import { encodeFrame } from "./frames.ts";

/** Frames that may come between hello and welcome; a daemon sends none. */
const MOST_EARLY = 16;

export function serveDaemon(socket: WebSocket, caller: Caller, door: DaemonDoor): void {
  let session: DaemonSession | undefined;
  let welcome = false;
  const early: [DaemonFrame, number][] = [];
  const patience = setTimeout(() => refuse("badFrame", "No hello came in time."), door.helloMs);

  socket.once("close", () => {
    clearTimeout(patience);
    void session?.closed();
  });
  socket.on("message", (data, isBinary) => {
    if (socket.readyState !== socket.OPEN) return undefined;
    const decoded = decodeDaemonFrame(data, isBinary);
    if (!decoded.ok) return refuse("badFrame", decoded.message);
    const { frame, bytes } = decoded;
    if (session && welcome) return session.take(frame, bytes);
    if (!session) {
      if (frame.type === "hello") return void greet(frame);
      return refuse("badFrame", "The first frame must be a hello.");
    }
    if (early.length >= MOST_EARLY) return refuse("badFrame", "Frames came before the welcome.");
    early.push([frame, bytes]);
    return undefined;
  });

  async function greet(hello: Hello): Promise<void> {
    clearTimeout(patience);
    const fresh = new DaemonSession(hello, caller, door, socket);
    session = fresh;
    socket.pause();
    try {
      if (!(await fresh.open())) return;
    } catch (error) {
      door.deps.log.error({ err: error, daemonId: hello.daemonId }, "a daemon could not be taken in");
      // Not refused: it comes back by itself, and by then it may work.
      return closeSoon(socket, TRY_AGAIN_LATER, "try again");
    }
    welcome = true;
    for (const [frame, bytes] of early) fresh.take(frame, bytes);
    if (socket.isPaused) socket.resume();
  }

  function refuse(reason: RefusalReason, message: string): void {
    if (socket.readyState === socket.OPEN)
      socket.send(encodeFrame({ type: "refused", reason, message }), TEXT);
    closeSoon(socket, POLICY_VIOLATION, reason);
  }
}

const TEXT = { binary: false };
