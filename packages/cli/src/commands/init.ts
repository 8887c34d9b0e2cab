/** `makima init`: sets up a repository by writing its makima.toml, shown first; never overwrites one. */
import type { Command } from "commander";
import type { ContextOf } from "../command-table.ts";

export function register(program: Command, context: ContextOf): void {
  program
    .command("init")
    .description("Set up this repository: finds base branch and test command, writes makima.toml")
    .action(async () => {
      const { initProject } = await import("../config/init-project.ts");
      await initProject(await context());
    });
}
