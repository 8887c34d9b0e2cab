/** API keys: made, listed, revoked. The keys of runs are not among them: they come and go with their runs. */
import type { Selectable } from "kysely";
import type { z } from "zod";
import type { ApiKeyView, createApiKey as createApiKeyRoute } from "@makima/protocol/api/auth";
import type { Caller, Deps } from "../deps.ts";
import { done, refused, type Outcome } from "../outcome.ts";
import { newId } from "../store/ids.ts";
import { storable } from "../store/json.ts";
import { isUuid } from "../store/resolve.ts";
import type { ApiKeyTable } from "../store/access-tables.ts";
import { newSecret, prefixOf } from "./secrets.ts";

export type CreateApiKey = z.output<NonNullable<typeof createApiKeyRoute.body>>;

const DEFAULT_SCOPES = { person: ["read", "write", "approve", "admin"], daemon: ["read", "write"] } as const;

/** The answer has the key itself, this once. A caller gives no scope that it does not have: FORBIDDEN. */
export async function createApiKey(
  deps: Deps,
  caller: Caller,
  input: CreateApiKey,
): Promise<Outcome<ApiKeyView & { key: string }>> {
  const scopes = [
    ...new Set(input.scopes ?? DEFAULT_SCOPES[input.kind].filter((each) => caller.scopes.includes(each))),
  ];
  const beyond = scopes.filter((scope) => !caller.scopes.includes(scope));
  if (beyond.length > 0) {
    return refused(
      "FORBIDDEN",
      `You cannot give the scope ${beyond.join(", ")}, which your own key does not have.`,
      {
        details: { scopes: [...caller.scopes] },
      },
    );
  }
  const { text, hash } = newSecret("mk_");
  const now = new Date(deps.now());
  const row = await deps.db
    .insertInto("api_key")
    .values({
      id: newId(),
      owner_id: caller.ownerId,
      name: storable(input.name),
      kind: input.kind,
      prefix: prefixOf(text),
      hash,
      scopes,
      created_at: now,
      expires_at:
        input.expiresInSecs === undefined ? null : new Date(now.getTime() + input.expiresInSecs * 1000),
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  return done({ ...view(row), key: text });
}

export async function listApiKeys(deps: Deps, caller: Caller): Promise<Outcome<{ items: ApiKeyView[] }>> {
  const rows = await deps.db
    .selectFrom("api_key")
    .selectAll()
    .where("owner_id", "=", caller.ownerId)
    .where("kind", "<>", "task")
    .orderBy("id")
    .execute();
  return done({ items: rows.map(view) });
}

/** Sockets opened with the key are closed at once. Revoking twice is no error. */
export async function revokeApiKey(
  deps: Deps,
  caller: Caller,
  { id }: { id: string },
): Promise<Outcome<undefined>> {
  const { numUpdatedRows } = await deps.db
    .updateTable("api_key")
    .set((eb) => ({ revoked_at: eb.fn.coalesce("revoked_at", eb.val(new Date(deps.now()))) }))
    .where("owner_id", "=", caller.ownerId)
    .where("kind", "<>", "task")
    .where("id", "=", isUuid(id) ? id : NO_ID)
    .executeTakeFirst();
  if (numUpdatedRows === 0n) {
    return refused("API_KEY_NOT_FOUND", `There is no API key "${id}".`, {
      details: { id },
      next: ["makima api-keys list"],
    });
  }
  deps.signals.emit("credentialEnded", id);
  return done(undefined);
}

const NO_ID = "00000000-0000-0000-0000-000000000000";

function view(row: Selectable<ApiKeyTable>): ApiKeyView {
  return {
    id: row.id,
    name: row.name,
    kind: row.kind,
    prefix: row.prefix,
    scopes: row.scopes as ApiKeyView["scopes"],
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at?.toISOString() ?? null,
    lastUsedAt: row.last_used_at?.toISOString() ?? null,
    revokedAt: row.revoked_at?.toISOString() ?? null,
  };
}
