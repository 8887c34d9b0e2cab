/** A daemon's connection ended. Its runs go on by themselves; their leases run out if it stays away. */
import { sql } from "kysely";
import type { Deps } from "../deps.ts";
import { transact } from "./transact.ts";
import { addEvent } from "./work.ts";

/** Nothing happens when a newer connection took its place. */
export async function daemonGone(
  deps: Deps,
  { daemonId, connectionEpoch }: { daemonId: string; connectionEpoch: number },
): Promise<void> {
  await transact(deps, async (work) => {
    const { rows } = await sql<{ owner_id: string; name: string }>`
      update makima.daemon set connected = false
      where id = ${daemonId} and connection_epoch = ${connectionEpoch} and connected
      returning owner_id, name`.execute(work.db);
    const [daemon] = rows;
    if (daemon)
      addEvent(work, daemon.owner_id, { type: "DaemonLost", data: { daemonId, name: daemon.name } });
  });
}
