/**
 * Which server a command talks to: the one that a person named (flag, environment, own file), else the one of
 * this machine's data folder. A key goes only to the server that it was given for.
 */
import { httpAddress } from "@makima/client/address";
import { CliError } from "../cli-error.ts";
import type { LoadedConfig, OriginKind } from "../config/load.ts";
import { EXIT } from "../exit-codes.ts";
import { storedKeyFor } from "./credentials.ts";
import { localKeyFor } from "./local-key.ts";
import type { Paths } from "./paths.ts";
import { instanceAt, localServer } from "./server-file.ts";

export interface FoundServer {
  /** HTTP address. */
  url: string;
  key: string | undefined;
  /** How the server was found: named by a person, or the one of this machine. */
  source: "named" | "local";
  /** Where the name stands: a flag, a variable, `file:line`, or server.json. */
  where: string;
  /** Where the key comes from, to say so. */
  keyFrom: string | undefined;
}

interface Known {
  loaded: LoadedConfig;
  paths: Paths;
}

/** Undefined where none is named and none of this machine answers. A named one may still not answer. */
export async function findServer(known: Known, signal?: AbortSignal): Promise<FoundServer | undefined> {
  const { loaded, paths } = known;
  const { config } = loaded;
  const named = loaded.origins.get("server.url");
  if (named && named.kind !== "default") {
    const url = addressOf(config.server.url, named.where);
    return { url, source: "named", where: named.where, ...keyFor(known, url, named.kind) };
  }
  const local = await localServer(paths, signal);
  if (local?.state === "answers") {
    const { url } = local.file;
    return { url, source: "local", where: paths.serverFile, ...keyFor(known, url, "default") };
  }
  // A server that somebody else started where servers stand by default, and for which there is a key.
  const url = addressOf(config.server.url, "");
  const key = keyFor(known, url, "default");
  if (key.key !== undefined && (await instanceAt(url, signal)) !== undefined) {
    return { url, source: "local", where: "server.url", ...key };
  }
  return undefined;
}

function keyFor(
  { loaded, paths }: Known,
  url: string,
  urlKind: OriginKind,
): Pick<FoundServer, "key" | "keyFrom"> {
  const given = loaded.config.server.api_key;
  const from = loaded.origins.get("server.api_key");
  // A key in the user's file belongs to the server in that file, not to one named for this call.
  const belongs = from?.kind !== "user" || urlKind === "user" || urlKind === "default";
  if (given !== "" && belongs) return { key: given, keyFrom: from?.where };
  const local = localKeyFor(paths, url);
  if (local !== undefined) return { key: local, keyFrom: paths.localKeyFile };
  const stored = storedKeyFor(paths, url);
  return stored === undefined
    ? { key: undefined, keyFrom: undefined }
    : { key: stored, keyFrom: paths.credentialsFile };
}

function addressOf(written: string, where: string): string {
  try {
    return httpAddress(written);
  } catch (cause) {
    throw new CliError({
      code: "BAD_CONFIG",
      message: `${where || "server.url"}: ${JSON.stringify(written)} is no address of a server.`,
      next: ["write it as http://host:7717, https://…, ws://… or wss://…"],
      exit: EXIT.usage,
      cause,
    });
  }
}
