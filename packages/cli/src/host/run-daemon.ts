/** Runs a daemon alone until it is stopped, or until the server will not have it. */
import { CliError, QuietExit } from "../cli-error.ts";
import type { CliContext } from "../cli-context.ts";
import { EXIT } from "../exit-codes.ts";
import { noServer } from "./connect.ts";
import { findServer } from "./find-server.ts";
import { catchInterrupts } from "./interrupts.ts";
import { startLocalDaemon } from "./local-daemon.ts";
import { acquireLock } from "./lock.ts";
import { streamLog } from "./log.ts";

export async function runDaemon(
  context: CliContext,
  options: { name: string | undefined; labels: readonly string[] },
): Promise<void> {
  const { config, paths, out } = context;
  const server = await findServer(context);
  if (!server) throw noServer();
  if (server.key === undefined) {
    throw new CliError({
      code: "NO_KEY",
      message: `There is no key for ${server.url}.`,
      next: [
        `makima login ${server.url}`,
        "or set MAKIMA_API_KEY (make one there: makima api-keys create --kind daemon)",
      ],
      exit: EXIT.auth,
    });
  }
  // Two daemons on one journal would tell each other's stories.
  const locked = acquireLock(`${config.local_db.path}.lock`);
  if (!("lock" in locked)) {
    throw new CliError({
      code: "ALREADY_RUNNING",
      message: `A daemon already uses ${config.local_db.path}${locked.holder ? ` (process ${locked.holder.pid})` : ""}.`,
      next: ["makima status", "for a second one: makima daemon --data-dir FOLDER --name NAME"],
      exit: EXIT.conflict,
    });
  }
  using interrupts = catchInterrupts(() => process.exit(EXIT.interrupted));
  const log = streamLog(config.logging, out.errors);
  const daemon = await startLocalDaemon({
    config,
    paths,
    serverUrl: server.url,
    apiKey: server.key,
    ...options,
    log,
  });
  try {
    out.note(
      `Daemon for ${server.url}: worktrees in ${config.worktree.base_dir}. Ctrl-C stops it; agents are checkpointed first.`,
    );
    const refusal = await Promise.race([daemon.refused, untilAborted(interrupts.signal)]);
    if (refusal) {
      throw new CliError({
        code: "DAEMON_REFUSED",
        message: `The server at ${server.url} does not take this daemon: ${refusal.message}`,
        next: ["makima whoami", "makima doctor"],
        exit: EXIT.auth,
        cause: refusal,
      });
    }
    out.note("Stopping; agents are checkpointed first. Ctrl-C again ends it at once.");
  } finally {
    await daemon.close();
    locked.lock.release();
  }
  throw new QuietExit(interrupts.received === "SIGINT" ? EXIT.interrupted : EXIT.ok);
}

function untilAborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
}
