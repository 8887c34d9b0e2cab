/** Commands for daemons on their way out: what waits, and what the daemon has. `transact` puts them in. */
import { sql } from "kysely";
import type { Command } from "@makima/protocol/daemon-wire";
import type { Deps } from "../deps.ts";

export interface StoredCommand {
  /** Number of the command within its daemon. */
  seq: number;
  command: Command;
}

/** Commands above `after`, ascending. */
export async function listCommands(
  deps: Deps,
  daemonId: string,
  after: number,
  limit: number,
): Promise<StoredCommand[]> {
  const { rows } = await sql<StoredCommand>`
    select seq, payload as command from makima.command
    where daemon_id = ${daemonId} and seq > ${after} order by seq limit ${limit}`.execute(deps.db);
  return rows;
}

/** The daemon has these in its journal; they are not sent again, and keys in them are forgotten. */
export async function acknowledgeCommands(deps: Deps, daemonId: string, upTo: number): Promise<void> {
  await sql`
    update makima.command set stored_at = now(), payload = payload #- '{spec,apiKey}' #- '{code}'
    where daemon_id = ${daemonId} and seq <= ${upTo} and stored_at is null`.execute(deps.db);
}
