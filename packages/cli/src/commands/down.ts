/** `makima down`: stops the server of this machine, and only the process that server.json proves. */
import type { Command } from "commander";
import type { ContextOf } from "../command-table.ts";

export function register(program: Command, context: ContextOf): void {
  program
    .command("down")
    .description("Stop the server of this machine; agents are checkpointed first")
    .option("--timeout <secs>", "how long to wait for it", Number, 120)
    .action(async (flags: { timeout: number }) => {
      const { stopLocal } = await import("../host/stop-local.ts");
      const cli = await context();
      const stopped = await stopLocal(cli.paths, flags.timeout * 1000, () => {
        cli.out.note("Stopping; agents are checkpointed first …");
      });
      if (cli.out.json) return cli.out.value({ stopped: stopped !== undefined, pid: stopped?.pid ?? null });
      cli.out.note(stopped ? `Stopped makima (process ${stopped.pid}).` : "No makima runs here.");
    });
}
