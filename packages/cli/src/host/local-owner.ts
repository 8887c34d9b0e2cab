/** The owner of a server on one machine, and that person's key. */
import { randomBytes } from "node:crypto";
import { userInfo } from "node:os";
import type { RunningServer } from "@makima/server/main";
import { ensureLocalOwner } from "@makima/server/jobs/local-owner";
import { readLocalKey } from "./local-key.ts";
import type { Paths } from "./paths.ts";

/** Keeps the key of earlier starts, so that what runs on across a restart stays signed in. */
export async function ensureLocalKey(deps: RunningServer["deps"], paths: Paths): Promise<string> {
  const key = readLocalKey(paths) ?? `mk_${randomBytes(32).toString("base64url")}`;
  await ensureLocalOwner(deps, { name: personName(), key });
  return key;
}

function personName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container's user may have no name.
    return "local";
  }
}
