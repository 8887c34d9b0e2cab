/** `makima info`: versions and every path. */
import type { Command } from "commander";
import { MAKIMA_VERSION, WIRE_VERSION } from "@makima/protocol/version";
import type { ContextOf } from "../command-table.ts";

export function register(program: Command, context: ContextOf): void {
  program
    .command("info")
    .description("Versions and every path")
    .action(async () => {
      const { config, loaded, paths, out } = await context();
      const facts = {
        version: MAKIMA_VERSION,
        wireVersion: WIRE_VERSION,
        node: process.version,
        program: process.argv[1] ?? "",
        configFile: paths.configFile,
        projectFile: loaded.projectFile ?? null,
        dataFolder: paths.stateDir,
        database: config.server.database_url === "" ? paths.databaseDir : "external (server.database_url)",
        serverFile: paths.serverFile,
        logs: paths.logDir,
        cache: paths.cacheDir,
        worktrees: config.worktree.base_dir,
        repositories: config.worktree.repos_dir,
        journal: config.local_db.path,
      };
      if (out.json) return out.value(facts);
      const width = Math.max(...Object.keys(facts).map((name) => name.length)) + 2;
      for (const [name, value] of Object.entries(facts)) {
        out.line(out.terminal.isTty ? `${name.padEnd(width)}${value ?? "-"}` : `${name}\t${value ?? ""}`);
      }
    });
}
