/** `makima server`: a server alone, for a team; daemons on other machines connect to it. */
import type { Command } from "commander";
import type { ContextOf } from "../command-table.ts";
import { logLevel } from "./daemon.ts";

interface ServerFlags {
  host?: string;
  port?: number;
  databaseUrl?: string;
  publicUrl?: string;
  behindProxy?: boolean;
  logLevel?: string;
}

export function register(program: Command, context: ContextOf): void {
  program
    .command("server")
    .description("Run a server alone; DATABASE_URL names its PostgreSQL")
    .option("--host <address>", "address to bind")
    .option("--port <n>", "port to bind", Number)
    .option("--database-url <url>", "PostgreSQL (rather set DATABASE_URL: others see command lines)")
    .option("--public-url <url>", "address under which people reach it")
    .option("--behind-proxy", "a proxy in front does TLS")
    .addOption(logLevel())
    .action(async (flags: ServerFlags) => {
      const cli = await context(
        {
          "server.host": flags.host,
          "server.port": flags.port,
          "server.database_url": flags.databaseUrl,
          "server.public_url": flags.publicUrl,
          "server.behind_proxy": flags.behindProxy,
          "logging.level": flags.logLevel,
        },
        "server",
      );
      const { runServer } = await import("../host/run-server.ts");
      await runServer(cli);
    });
}
