/** The owner that every makima has from its first start: `local`, an admin. */
import { sql } from "kysely";
import type { Caller, Deps } from "../deps.ts";
import { newId } from "../store/ids.ts";
import { PERSON_SCOPES } from "./authenticate.ts";

export const LOCAL_OWNER = "local";

/** Makes the owner if it is missing. What comes back may call jobs in its name, as whoever starts the server does. */
export async function ensureLocalOwner(deps: Deps): Promise<Caller> {
  await sql`insert into makima.owner (id, name, role) values (${newId()}, ${LOCAL_OWNER}, 'admin')
    on conflict do nothing`.execute(deps.db);
  const owner = await deps.db
    .selectFrom("owner")
    .select(["id", "name", "role"])
    .where("name", "=", LOCAL_OWNER)
    .executeTakeFirstOrThrow();
  return {
    ownerId: owner.id,
    ownerName: owner.name,
    role: owner.role,
    principal: "person",
    scopes: PERSON_SCOPES,
    credentialId: "startup",
    via: "key",
  };
}
