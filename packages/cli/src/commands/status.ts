/** `makima status`: the server, its daemons, and tasks by state. */
import type { Command } from "commander";
import { QuietExit } from "../cli-error.ts";
import type { ContextOf } from "../command-table.ts";
import { EXIT } from "../exit-codes.ts";

export function register(program: Command, context: ContextOf): void {
  program
    .command("status")
    .description("Server, daemons and tasks at a glance")
    .action(async () => {
      const cli = await context();
      const { readStatus } = await import("../host/status.ts");
      const { printStatus } = await import("../print/status.ts");
      const status = await readStatus(cli);
      if (cli.out.json) cli.out.value(status);
      else printStatus(status, cli.out);
      if (!status.running) throw new QuietExit(EXIT.unreachable);
    });
}
