/** `makima doctor`: checks this machine; exit 1 only on real errors. */
import type { Command } from "commander";
import { QuietExit } from "../cli-error.ts";
import type { ContextOf } from "../command-table.ts";
import { EXIT } from "../exit-codes.ts";

export function register(program: Command, context: ContextOf): void {
  program
    .command("doctor")
    .description("Check this machine; every failing line says the fix")
    .option("--fix", "make the repairs that lose nothing")
    .action(async (flags: { fix?: boolean }) => {
      const cli = await context();
      const { findServer } = await import("../host/find-server.ts");
      const { CHECKS } = await import("../doctor/checks.ts");
      const { runChecks } = await import("../doctor/check.ts");
      const { printDoctor } = await import("../doctor/print.ts");
      const facts = { context: cli, server: await findServer(cli) };
      let rows = await runChecks(CHECKS, facts);
      const repairs = rows.filter((row) => row.repair);
      if (flags.fix && repairs.length > 0) {
        for (const row of repairs) {
          row.repair?.();
          cli.out.note(`repaired: ${row.title}`);
        }
        rows = await runChecks(CHECKS, facts);
      }
      const failed = rows.some((row) => row.state === "error");
      if (cli.out.json) {
        const items = rows.map(({ repair, ...row }) => ({ ...row, repairable: repair !== undefined }));
        cli.out.value({ ok: !failed, items });
      } else {
        printDoctor(rows, cli.out);
      }
      if (failed) throw new QuietExit(EXIT.error);
    });
}
