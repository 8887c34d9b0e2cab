/** The database of a server: the one that was named, else the one that makima brings along. */
import type { Logger } from "pino";
import type { Config } from "@makima/protocol/config";
import type { ServerOptions } from "@makima/server/main";
import type { Paths } from "./paths.ts";

export interface OpenedDatabase {
  connection: ServerOptions["database"];
  /** For people: where it is. */
  place: string;
  stop(): Promise<void>;
}

export async function openServerDatabase(
  config: Config,
  paths: Paths,
  log: Logger,
  signal: AbortSignal,
): Promise<OpenedDatabase> {
  const url = config.server.database_url;
  if (url !== "") return { connection: url, place: withoutPassword(url), stop: async () => {} };
  const { startPostgres } = await import("@makima/server/postgres/start-postgres");
  const running = await startPostgres({ dataDir: paths.databaseDir, log, signal });
  return { connection: running.connection, place: running.folder, stop: running.stop };
}

function withoutPassword(url: string): string {
  if (!URL.canParse(url)) return "server.database_url";
  const { hostname, port, pathname } = new URL(url);
  return `${hostname}${port === "" ? "" : `:${port}`}${pathname}`;
}
