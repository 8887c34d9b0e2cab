/** The person's key for the server of this data folder. It serves that one address and is sent to no other. */
import { z } from "zod";
import type { Paths } from "./paths.ts";
import { readPrivate, writePrivate } from "./private-file.ts";

const localKeySchema = z.object({ url: z.string(), key: z.string().min(1) });

/** The key, whatever address it was last used for: for the host itself, which decides the address. */
export function readLocalKey(paths: Paths): string | undefined {
  return readPrivate(paths.localKeyFile, localKeySchema)?.key;
}

/** The key for an address; undefined where the file is another's. */
export function localKeyFor(paths: Paths, url: string): string | undefined {
  const stored = readPrivate(paths.localKeyFile, localKeySchema);
  return stored?.url === url ? stored.key : undefined;
}

export function writeLocalKey(paths: Paths, url: string, key: string): void {
  writePrivate(paths.localKeyFile, { url, key });
}
