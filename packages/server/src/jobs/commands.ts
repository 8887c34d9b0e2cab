/** Commands for daemons on their way out: what waits, and what the daemon has. `transact` puts them in. */
import { sql } from "kysely";
import type { Command } from "@makima/protocol/daemon-wire";
import type { Deps } from "../deps.ts";
import { inGroups } from "./in-groups.ts";

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

/** Acknowledgements of one statement at most. */
const MOST_TOGETHER = 500;

const acknowledge = inGroups<{ daemonId: string; upTo: number }, undefined>(
  MOST_TOGETHER,
  async (deps, items) => {
    await sql`
    update makima.command c set stored_at = now(), payload = c.payload #- '{spec,apiKey}' #- '{code}'
    from jsonb_to_recordset(${JSON.stringify(items)}::jsonb) as a ("daemonId" uuid, "upTo" bigint)
    where c.daemon_id = a."daemonId" and c.seq <= a."upTo" and c.stored_at is null`.execute(deps.db);
    return items.map(() => ({ ok: true, value: undefined }));
  },
);

/** The daemon has these in its journal; they are not sent again, and keys in them are forgotten. */
export function acknowledgeCommands(deps: Deps, daemonId: string, upTo: number): Promise<undefined> {
  return acknowledge(deps, { daemonId, upTo });
}
