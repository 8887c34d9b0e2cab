/** `makima whoami`: who you are to the server, and which key says so. */
import type { Command } from "commander";
import { routes } from "@makima/protocol/api/routes";
import type { ContextOf } from "../command-table.ts";
import { answeredFields } from "../print/json-fields.ts";
import { sanitizeLine } from "../print/terminal.ts";
import { warnOfEnvironment } from "./login.ts";

export function register(program: Command, context: ContextOf): void {
  program
    .command("whoami")
    .description("Who you are to the server, and which key says so")
    .addHelpText("after", "\nExamples\n  makima whoami\n  makima whoami --json=ownerName,principal\n")
    .action(async () => {
      const ctx = await context();
      const { out } = ctx;
      if (answeredFields(out, routes.whoami.response!)) return;
      const { client, server } = await ctx.connect();
      const who = await client.call(routes.whoami);
      if (out.json) return out.value({ ...who, server: server.url, keyFrom: server.keyFrom ?? null });
      const facts: [string, string | null][] = [
        ["server", server.url],
        ["owner", who.ownerName],
        ["role", who.role],
        ["principal", who.principal],
        ["scopes", who.scopes.join(" ")],
        ["key from", server.keyFrom ?? null],
        ["contract", who.contractId],
        ["task", who.taskId],
      ];
      for (const [name, value] of facts) {
        if (value === null) continue;
        out.line(
          out.terminal.isTty
            ? `${name.padEnd(10)} ${sanitizeLine(value)}`
            : `${name}\t${sanitizeLine(value)}`,
        );
      }
      warnOfEnvironment(ctx);
    });
}
