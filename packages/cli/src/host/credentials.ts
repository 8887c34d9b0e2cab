/** Keys that a person stored with `makima login`, one a server. */
import { z } from "zod";
import { httpAddress } from "@makima/client/address";
import type { Paths } from "./paths.ts";
import { readPrivate, writePrivate } from "./private-file.ts";

const credentialsSchema = z.object({
  servers: z.record(z.string(), z.object({ key: z.string().min(1), savedAt: z.string() })),
});

export function storedKeyFor(paths: Paths, url: string): string | undefined {
  const all = readPrivate(paths.credentialsFile, credentialsSchema)?.servers ?? {};
  const address = httpAddress(url);
  return Object.hasOwn(all, address) ? all[address]?.key : undefined;
}

/** Keeps a key for a server; without a key, forgets the one that was kept. */
export function storeKey(paths: Paths, url: string, key: string | undefined, at: Date): void {
  const servers = { ...readPrivate(paths.credentialsFile, credentialsSchema)?.servers };
  const address = httpAddress(url);
  if (key === undefined) delete servers[address];
  else servers[address] = { key, savedAt: at.toISOString() };
  writePrivate(paths.credentialsFile, { servers });
}
