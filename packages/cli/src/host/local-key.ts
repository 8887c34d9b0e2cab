/** The keys for the server of this data folder. They serve that one address and are sent to no other. */
import { z } from "zod";
import type { Paths } from "./paths.ts";
import { readPrivate, writePrivate } from "./private-file.ts";

const localKeysSchema = z.object({
  url: z.string(),
  /** The person's. */
  key: z.string().min(1),
  /** Of the daemon beside the server, which may do less. */
  daemonKey: z.string().min(1),
});
export type LocalKeys = z.infer<typeof localKeysSchema>;

/** The keys, whatever address they were last used for: for the host itself, which decides the address. */
export function readLocalKeys(paths: Paths): LocalKeys | undefined {
  return readPrivate(paths.localKeyFile, localKeysSchema);
}

/** The person's key for an address; undefined where the file is another's. */
export function localKeyFor(paths: Paths, url: string): string | undefined {
  const stored = readLocalKeys(paths);
  return stored?.url === url ? stored.key : undefined;
}

export function writeLocalKeys(paths: Paths, keys: LocalKeys): void {
  writePrivate(paths.localKeyFile, keys);
}
