/** Sessions of browsers. */
import { sql } from "kysely";
import type { Caller, Deps } from "../deps.ts";
import { done, refused, type Outcome } from "../outcome.ts";
import { newId } from "../store/ids.ts";
import { authenticateKey } from "./authenticate.ts";
import { useLoginLink } from "./login-links.ts";
import { newSecret } from "./secrets.ts";

export interface CreateSession {
  /** Of a login link. */
  code?: string | undefined;
  /** A person's API key. */
  key?: string | undefined;
  ttlSecs: number;
}

/** UNAUTHORIZED when the code or key is no good. The token is the cookie's value. */
export async function createSession(
  deps: Deps,
  { code, key, ttlSecs }: CreateSession,
): Promise<Outcome<{ token: string; owner: string; expiresAt: string }>> {
  const ownerId = code === undefined ? await ownerOfKey(deps, key) : await useLoginLink(deps, code);
  if (ownerId === undefined) {
    return refused("UNAUTHORIZED", "This code or key is not known, was used, or has expired.", {
      next: ["makima login"],
    });
  }
  const { text, hash } = newSecret("ms_");
  const { rows } = await sql<{ expires_at: Date; name: string }>`
    with made as (
      insert into makima.session (id, owner_id, hash, expires_at)
      values (${newId()}, ${ownerId}, ${hash}, now() + make_interval(secs => ${ttlSecs})) returning owner_id, expires_at
    )
    select made.expires_at, o.name from made join makima.owner o on o.id = made.owner_id`.execute(deps.db);
  const [row] = rows;
  if (!row) return refused("UNAUTHORIZED", "The owner of this code or key is gone.");
  return done({ token: text, owner: row.name, expiresAt: row.expires_at.toISOString() });
}

/** A session has all scopes, so a key that has fewer cannot become one. */
async function ownerOfKey(deps: Deps, key: string | undefined): Promise<string | undefined> {
  if (key === undefined) return undefined;
  const caller = await authenticateKey(deps, key);
  if (!caller.ok || caller.value.principal !== "person") return undefined;
  return caller.value.scopes.includes("admin") && caller.value.scopes.includes("approve")
    ? caller.value.ownerId
    : undefined;
}

/** Signs out. For a caller that came with a key there is nothing to end. */
export async function endSession(deps: Deps, caller: Caller): Promise<Outcome<undefined>> {
  if (caller.via !== "session") return done(undefined);
  await sql`update makima.session set revoked_at = now()
    where id = ${caller.credentialId} and owner_id = ${caller.ownerId}`.execute(deps.db);
  deps.signals.emit("credentialEnded", caller.credentialId);
  return done(undefined);
}
