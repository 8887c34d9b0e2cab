/** `makima up`: server, database and daemon on this machine. */
import type { Command } from "commander";
import type { ContextOf } from "../command-table.ts";
import { logLevel } from "./daemon.ts";

interface UpFlags {
  background?: boolean;
  idleExit?: number;
  port?: number;
  daemon: boolean;
  logLevel?: string;
}

export function register(program: Command, context: ContextOf): void {
  program
    .command("up")
    .description("Start server, database and daemon on this machine; a second one finds the first")
    .option("-d, --background", "run in the background")
    .option("--idle-exit <secs>", "end after this long without work and clients", Number)
    .option("--port <n>", "port; the next free one where it is taken", Number)
    .option("--no-daemon", "no daemon: nothing runs on this machine")
    .addOption(logLevel())
    .action(async (flags: UpFlags) => {
      const cli = await context({ "server.port": flags.port, "logging.level": flags.logLevel }, "server");
      if (flags.idleExit !== undefined && !(flags.idleExit > 0)) {
        const { usageError } = await import("../cli-error.ts");
        throw usageError("--idle-exit takes a number of seconds above 0.");
      }
      if (!flags.background) {
        const { runUp } = await import("../host/run-up.ts");
        return runUp(cli, { withDaemon: flags.daemon, idleExitSecs: flags.idleExit });
      }
      const { startBackground } = await import("../host/start-background.ts");
      const { file, log } = await startBackground(cli, {
        idleExitSecs: flags.idleExit,
        flags: [
          ...(flags.port === undefined ? [] : ["--port", String(flags.port)]),
          ...(flags.daemon ? [] : ["--no-daemon"]),
          ...(flags.logLevel === undefined ? [] : ["--log-level", flags.logLevel]),
        ],
      });
      if (cli.out.json) return cli.out.value({ ...file, started: log !== undefined });
      cli.out.note(
        log === undefined
          ? `makima runs already (process ${file.pid}).`
          : `makima runs in the background (process ${file.pid}).`,
      );
      cli.out.note("makima status    makima down");
      cli.out.line(file.url);
      return undefined;
    });
}
