/** One-use links that sign a browser in. */
import { sql } from "kysely";
import type { Caller, Deps } from "../deps.ts";
import { done, type Outcome } from "../outcome.ts";
import { hashSecret, newSecret } from "./secrets.ts";

const TTL_SECS = 600;

export async function createLoginLink(
  deps: Deps,
  caller: Caller,
  { publicUrl }: { publicUrl: string },
): Promise<Outcome<{ url: string; code: string; expiresAt: string }>> {
  const { text, hash } = newSecret("ml_");
  const { rows } = await sql<{ expires_at: Date }>`
    insert into makima.login_link (hash, owner_id, expires_at)
    values (${hash}, ${caller.ownerId}, now() + make_interval(secs => ${TTL_SECS})) returning expires_at`.execute(
    deps.db,
  );
  const expiresAt = (rows[0]?.expires_at ?? new Date(deps.now())).toISOString();
  // After the hash: it does not reach logs of servers and proxies.
  return done({ url: `${publicUrl}/login#code=${text}`, code: text, expiresAt });
}

/** Uses a link up; the owner's id, or undefined when it is used, expired or unknown. Only one caller gets it. */
export async function useLoginLink(deps: Deps, code: string): Promise<string | undefined> {
  const { rows } = await sql<{ owner_id: string }>`
    update makima.login_link set used_at = now()
    where hash = ${hashSecret(code)} and used_at is null and expires_at > now() returning owner_id`.execute(
    deps.db,
  );
  return rows[0]?.owner_id;
}
