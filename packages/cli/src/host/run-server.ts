/** Runs a server alone until it is stopped. */
import { randomUUID } from "node:crypto";
import { startTimeOf } from "@makima/daemon/process/identity";
import { MAKIMA_VERSION } from "@makima/protocol/version";
import { CliError, QuietExit } from "../cli-error.ts";
import type { CliContext } from "../cli-context.ts";
import { EXIT } from "../exit-codes.ts";
import { openServerDatabase } from "./database.ts";
import { catchInterrupts } from "./interrupts.ts";
import { ensureLocalKeys } from "./local-owner.ts";
import { startLocalServer } from "./local-server.ts";
import { streamLog } from "./log.ts";
import { removeServerFile, writeServerFile } from "./server-file.ts";
import { lockOrServer } from "./up.ts";

export async function runServer(context: CliContext): Promise<void> {
  const { config, paths, out } = context;
  using interrupts = catchInterrupts(() => process.exit(EXIT.interrupted));
  const log = streamLog(config.logging, out.errors);
  const found = await lockOrServer(context, interrupts.signal);
  if ("other" in found) {
    throw new CliError({
      code: "ALREADY_RUNNING",
      message: `A server of this data folder runs already: ${found.other.url} (process ${found.other.pid}).`,
      next: ["makima status", "makima down", "makima server --data-dir FOLDER    (one beside it)"],
      exit: EXIT.conflict,
    });
  }
  try {
    const database = await openServerDatabase(config, paths, log, interrupts.signal);
    try {
      await serve(context, database.connection, log, interrupts.signal);
    } finally {
      await database.stop();
    }
  } finally {
    found.lock.release();
  }
  throw new QuietExit(interrupts.received === "SIGINT" ? EXIT.interrupted : EXIT.ok);
}

async function serve(
  context: CliContext,
  database: Parameters<typeof startLocalServer>[0]["database"],
  log: ReturnType<typeof streamLog>,
  signal: AbortSignal,
): Promise<void> {
  const { config, paths, out } = context;
  const instanceId = randomUUID();
  const server = await startLocalServer({ config, database, instanceId, log, movePort: false });
  try {
    await ensureLocalKeys(server.deps, paths, server.url);
    const startTime = startTimeOf(process.pid) ?? "";
    writeServerFile(paths, {
      url: server.url,
      pid: process.pid,
      startTime,
      instanceId,
      version: MAKIMA_VERSION,
    });
    out.note(`Server at ${server.url}; on this machine the owner's key is in ${paths.localKeyFile}.`);
    out.note(
      "On each machine that has code:  makima daemon --server-url URL   (key: makima api-keys create --kind daemon)",
    );
    if (out.json) out.value({ url: server.url, pid: process.pid, instanceId, version: MAKIMA_VERSION });
    await aborted(AbortSignal.any([signal, server.failed]));
  } finally {
    removeServerFile(paths, instanceId);
    await server.close();
  }
  if (server.failed.aborted) throw server.failed.reason;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
