/** The life of `makima up` on a terminal: what it says, what ends it. */
import { MAKIMA_VERSION } from "@makima/protocol/version";
import { QuietExit } from "../cli-error.ts";
import type { CliContext } from "../cli-context.ts";
import { runChecks } from "../doctor/check.ts";
import { START_CHECKS } from "../doctor/checks.ts";
import { renderRow } from "../doctor/print.ts";
import { EXIT } from "../exit-codes.ts";
import { countClients, hasWork, untilIdle } from "./idle.ts";
import { catchInterrupts } from "./interrupts.ts";
import { fileLog } from "./log.ts";
import type { ServerFile } from "./server-file.ts";
import { hostLogFile, lockOrServer, ownClient, startHost, type Host } from "./up.ts";

export interface RunUpOptions {
  withDaemon: boolean;
  idleExitSecs: number | undefined;
}

const WIDTH = 10;

/** Runs until it is stopped; returns at once where another process serves this data folder already. */
export async function runUp(context: CliContext, options: RunUpOptions): Promise<void> {
  const { out, paths, config } = context;
  const paint = out.errors.paint;
  out.note(`makima ${MAKIMA_VERSION} · everything runs on this machine · no account, no telemetry`);
  out.note();
  using interrupts = catchInterrupts(() => process.exit(EXIT.interrupted));
  using clients = countClients();
  const found = await lockOrServer(context, interrupts.signal);
  if ("other" in found) return sayRunning(context, found.other);
  try {
    const log = fileLog(hostLogFile(paths.logDir), config.logging.level);
    const checks = showChecks(context);
    const host = await startHost(context, {
      withDaemon: options.withDaemon,
      log,
      signal: interrupts.signal,
      onReady: (part, detail, tookMs) => {
        const took = paint("dim", `(${(tookMs / 1000).toFixed(1)} s)`);
        out.note(`  ${paint("green", "✔")} ${part.padEnd(WIDTH)} ${detail}  ${took}`);
      },
    });
    await checks;
    try {
      sayReady(context, host);
      const why = await untilOver(host, clients, options.idleExitSecs, interrupts.signal);
      log.info({ why }, "ending");
      if (why === "idle") out.note(`Nothing to do for ${options.idleExitSecs ?? 0} s; ending.`);
      else out.note("Stopping; agents are checkpointed first. Ctrl-C again ends it at once.");
    } finally {
      await host.close();
    }
    if (host.failed.aborted) throw host.failed.reason;
  } finally {
    found.lock.release();
  }
  throw new QuietExit(interrupts.received === "SIGINT" ? EXIT.interrupted : EXIT.ok);
}

async function showChecks(context: CliContext): Promise<void> {
  const { out } = context;
  const rows = await runChecks(START_CHECKS, { context, server: undefined }, 4000);
  for (const row of rows) for (const line of renderRow(row, out.errors, WIDTH)) out.note(line);
}

/** Two ends of what is said on stdout: an address for scripts, an object for programs. */
function sayAddress({ out }: CliContext, file: ServerFile, started: boolean): void {
  if (out.json) out.value({ ...file, started });
  else if (!out.terminal.isTty) out.line(file.url);
}

function sayReady(context: CliContext, host: Host): void {
  const { out, config } = context;
  const { url } = host.file;
  const wished = config.server.port;
  const port = Number(new URL(url).port);
  if (wished !== 0 && wished !== port)
    out.note(
      `  ${out.errors.paint("yellow", "⚠")} port ${wished} is taken by another program; this one is ${port}`,
    );
  out.note();
  out.note(`  API   ${url}/docs`);
  out.note();
  out.note("  Next  makima demo                       watch a contract run, no API key");
  out.note("        cd your/repo && makima init       set up a repository");
  out.note();
  out.note(
    out.errors.paint(
      "dim",
      "  Ctrl-C stops it; agents are checkpointed first.  makima up -d  runs in the background.",
    ),
  );
  sayAddress(context, host.file, true);
}

function sayRunning(context: CliContext, file: ServerFile): void {
  const { out } = context;
  out.note(
    `  ${out.errors.paint("green", "✔")} makima runs already: ${file.url} (process ${file.pid}, ${file.version})`,
  );
  out.note("        makima status    makima down");
  sayAddress(context, file, false);
}

async function untilOver(
  host: Host,
  clients: ReturnType<typeof countClients>,
  idleExitSecs: number | undefined,
  signal: AbortSignal,
): Promise<"idle" | "stopped" | "failed"> {
  const over = new AbortController();
  const either = AbortSignal.any([signal, host.failed, over.signal]);
  const aborted = new Promise<void>((resolve) => {
    if (either.aborted) resolve();
    else either.addEventListener("abort", () => resolve(), { once: true });
  });
  // Something must keep the process alive while it only waits.
  const alive = setInterval(() => {}, 60_000);
  try {
    if (idleExitSecs === undefined) await aborted;
    else {
      const client = ownClient(host);
      await untilIdle({ secs: idleExitSecs, clients, work: () => hasWork(client), signal: either });
    }
  } finally {
    clearInterval(alive);
    over.abort();
  }
  if (signal.aborted) return "stopped";
  return host.failed.aborted ? "failed" : "idle";
}
