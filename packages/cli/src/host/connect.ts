/** A client of the server that answers, started in the background where that is wished. */
import { createClient } from "@makima/client/rest";
import { CliError } from "../cli-error.ts";
import type { CliContext, Connection } from "../cli-context.ts";
import { EXIT } from "../exit-codes.ts";
import { findServer, type FoundServer } from "./find-server.ts";

/** Seconds that a server which a command started for itself stays without work and without clients. */
export const IDLE_EXIT_SECS = 300;

export async function connect(
  context: CliContext,
  options: { start?: boolean; signal?: AbortSignal },
): Promise<Connection> {
  let server = await findServer(context, options.signal);
  if (!server && options.start) {
    const { startBackground } = await import("./start-background.ts");
    await startBackground(context, { idleExitSecs: IDLE_EXIT_SECS, signal: options.signal });
    server = await findServer(context, options.signal);
  }
  if (!server) throw noServer();
  return { server, client: clientOf(context, server, options.signal) };
}

function clientOf(context: CliContext, server: FoundServer, signal: AbortSignal | undefined) {
  return createClient({
    url: server.url,
    key: server.key,
    signal,
    onWait: (waitMs, why) => {
      if (waitMs >= 1000) context.out.note(`The server asks to wait ${Math.round(waitMs / 1000)} s: ${why}.`);
    },
  });
}

export function noServer(): CliError {
  return new CliError({
    code: "NO_SERVER",
    message: "No makima server runs on this machine, and none is named.",
    next: [
      "makima up",
      "makima up -d                      (in the background)",
      "makima --server-url URL …         (one elsewhere)",
    ],
    exit: EXIT.unreachable,
  });
}
