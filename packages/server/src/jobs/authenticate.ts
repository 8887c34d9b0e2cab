/** Who a credential stands for. Every way in which it is no good has the same answer. */
import { sql } from "kysely";
import type { Caller, Deps } from "../deps.ts";
import { done, refused, type Outcome } from "../outcome.ts";
import { newId } from "../store/ids.ts";
import { storable } from "../store/json.ts";
import { hashSecret, sameHash } from "./secrets.ts";

const NO_GOOD = refused(
  "UNAUTHORIZED",
  "This key or session is not known, or it has expired or been revoked.",
);

/** A key is marked as used at most this often. */
const USED_SECS = 60;

interface KeyRow {
  id: string;
  hash: Buffer;
  kind: Caller["principal"];
  scopes: Caller["scopes"][number][];
  task_id: string | null;
  contract_id: string | null;
  owner_id: string;
  owner_name: string;
  role: Caller["role"];
  stale: boolean;
}

/** A task's key is good only while its run is. */
export async function authenticateKey(deps: Deps, key: string): Promise<Outcome<Caller>> {
  const hash = hashSecret(key);
  const { rows } = await sql<KeyRow>`
    select k.id, k.hash, k.kind, k.scopes, k.task_id, k.contract_id, o.id as owner_id, o.name as owner_name, o.role,
      k.kind <> 'task' and coalesce(k.last_used_at < now() - make_interval(secs => ${USED_SECS}), true) as stale
    from makima.api_key k join makima.owner o on o.id = k.owner_id
    where k.hash = ${hash} and k.revoked_at is null and (k.expires_at is null or k.expires_at > now())
      and (k.kind <> 'task' or exists (select from makima.run r where r.id = k.run_id and r.state <> 'ended'))`.execute(
    deps.db,
  );
  const [row] = rows;
  if (!row || !sameHash(row.hash, hash)) return NO_GOOD;
  if (row.stale)
    await sql`update makima.api_key set last_used_at = now() where id = ${row.id}`.execute(deps.db);
  return done({
    ownerId: row.owner_id,
    ownerName: row.owner_name,
    role: row.role,
    principal: row.kind,
    scopes: row.scopes,
    credentialId: row.id,
    via: "key",
    ...(row.task_id === null ? {} : { taskId: row.task_id }),
    ...(row.contract_id === null ? {} : { contractId: row.contract_id }),
  });
}

/** A browser's session stands for a person with all that the owner's role allows. */
export async function authenticateSession(deps: Deps, token: string): Promise<Outcome<Caller>> {
  const hash = hashSecret(token);
  const { rows } = await sql<{
    id: string;
    hash: Buffer;
    owner_id: string;
    name: string;
    role: Caller["role"];
  }>`
    select s.id, s.hash, o.id as owner_id, o.name, o.role
    from makima.session s join makima.owner o on o.id = s.owner_id
    where s.hash = ${hash} and s.revoked_at is null and s.expires_at > now()`.execute(deps.db);
  const [row] = rows;
  if (!row || !sameHash(row.hash, hash)) return NO_GOOD;
  return done(person(row.owner_id, row.name, row.role, row.id, "session", PERSON_SCOPES));
}

export interface JwtSubject {
  issuer: string;
  subject: string;
  name?: string | undefined;
  scopes: readonly string[];
}

/** Whom a verified token names; an owner is made for who is not known yet. */
export async function authenticateSubject(deps: Deps, token: JwtSubject): Promise<Outcome<Caller>> {
  const subject = storable(`${token.issuer}|${token.subject}`);
  const id = newId();
  // Names are unique and a token's is anyone's choice, so it is told apart by what the provider vouches for.
  const name = storable(token.name ? `${token.name} (${token.subject})` : subject);
  // Of two first requests at once, one makes the owner; the other sees it only when it looks again.
  const owner =
    (await findOrMakeOwner(deps, id, name, subject)) ?? (await findOrMakeOwner(deps, id, name, subject));
  if (!owner) return NO_GOOD;
  const scopes = PERSON_SCOPES.filter((scope) => token.scopes.includes(scope));
  return done(person(owner.id, owner.name, owner.role, `jwt:${subject}`, "jwt", scopes));
}

async function findOrMakeOwner(deps: Deps, id: string, name: string, subject: string) {
  const { rows } = await sql<{ id: string; name: string; role: Caller["role"] }>`
    with made as (
      insert into makima.owner (id, name, subject, role)
      select ${id}, ${name}, ${subject}, 'member'
      where not exists (select from makima.owner where subject = ${subject})
      on conflict do nothing returning id, name, role
    )
    select id, name, role from made
    union all select id, name, role from makima.owner where subject = ${subject} limit 1`.execute(deps.db);
  return rows[0];
}

/** What a person may, signed in. The scope `admin` reaches one's own keys and daemons; the server's own things ask for the role. */
export const PERSON_SCOPES: Caller["scopes"] = ["read", "write", "approve", "admin"];

function person(
  ownerId: string,
  ownerName: string,
  role: Caller["role"],
  credentialId: string,
  via: Caller["via"],
  scopes: Caller["scopes"],
): Caller {
  return { ownerId, ownerName, role, principal: "person", scopes, credentialId, via };
}
