/**
 * server.json: where the server of this data folder answers, and which process it is.
 *
 * It is believed only as far as it is proven: the address must answer with the instance that the file names,
 * and the process counts only while pid and start time are still the same one's.
 */
import { rmSync } from "node:fs";
import { z } from "zod";
import { createClient } from "@makima/client/rest";
import { routes } from "@makima/protocol/api/routes";
import { isRunning } from "@makima/daemon/process/identity";
import type { Paths } from "./paths.ts";
import { readPrivate, writePrivate } from "./private-file.ts";

const serverFileSchema = z.object({
  url: z.url(),
  pid: z.int().positive(),
  /** Of the process, as the system tells it. */
  startTime: z.string(),
  instanceId: z.string().min(1),
  version: z.string(),
});
export type ServerFile = z.infer<typeof serverFileSchema>;

export function writeServerFile(paths: Paths, facts: ServerFile): void {
  writePrivate(paths.serverFile, facts);
}

export function readServerFile(paths: Paths): ServerFile | undefined {
  return readPrivate(paths.serverFile, serverFileSchema);
}

/** Removes the file if it is still that instance's. */
export function removeServerFile(paths: Paths, instanceId: string): void {
  if (readServerFile(paths)?.instanceId === instanceId) rmSync(paths.serverFile, { force: true });
}

export type LocalServer = { file: ServerFile; state: "answers" | "silent" | "gone" };

/** What server.json leads to; undefined without the file. `silent`: the process runs, the server does not answer. */
export async function localServer(paths: Paths, signal?: AbortSignal): Promise<LocalServer | undefined> {
  const file = readServerFile(paths);
  if (!file) return undefined;
  const answering = await instanceAt(file.url, signal);
  if (answering === file.instanceId) return { file, state: "answers" };
  return { file, state: isRunning(file) ? "silent" : "gone" };
}

/** The instance that answers at an address; undefined where none does within two seconds. */
export async function instanceAt(url: string, signal?: AbortSignal): Promise<string | undefined> {
  try {
    const health = await createClient({ url, signal }).call(
      routes.health,
      {},
      { retry: false, timeoutMs: 2000 },
    );
    return health.instanceId;
  } catch {
    signal?.throwIfAborted();
    return undefined;
  }
}
