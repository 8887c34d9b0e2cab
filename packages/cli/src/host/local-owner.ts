/** The keys of this machine's owner: one for the person's commands, one for the daemon. */
import { createApiKey } from "@makima/server/jobs/api-keys";
import { authenticateKey } from "@makima/server/jobs/authenticate";
import { ensureLocalOwner } from "@makima/server/jobs/ensure-local-owner";
import type { RunningServer } from "@makima/server/main";
import { CliError } from "../cli-error.ts";
import { readLocalKeys, writeLocalKeys, type LocalKeys } from "./local-key.ts";
import type { Paths } from "./paths.ts";

type Deps = RunningServer["deps"];

/**
 * Keeps the keys of earlier starts as long as they are good, so that what runs on across a restart stays
 * signed in; makes new ones where they are not, and writes them for the server's address.
 */
export async function ensureLocalKeys(deps: Deps, paths: Paths, url: string): Promise<LocalKeys> {
  const kept = readLocalKeys(paths);
  const keys: LocalKeys = {
    url,
    key: await goodKey(deps, kept?.key, "person"),
    daemonKey: await goodKey(deps, kept?.daemonKey, "daemon"),
  };
  writeLocalKeys(paths, keys);
  return keys;
}

async function goodKey(deps: Deps, kept: string | undefined, kind: "person" | "daemon"): Promise<string> {
  if (kept !== undefined) {
    const known = await authenticateKey(deps, kept);
    if (known.ok && known.value.principal === kind) return kept;
  }
  const owner = await ensureLocalOwner(deps);
  const made = await createApiKey(deps, owner, { name: `this machine (${kind})`, kind });
  if (made.ok) return made.value.key;
  throw new CliError({ code: made.refusal.code, message: made.refusal.detail, next: ["makima doctor"] });
}
