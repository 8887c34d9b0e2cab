/** `makima completion`: scripts for shells; and the hidden `__complete` that they ask for ids. */
import { Argument, type Command } from "commander";
import { LIVE_KINDS, type LiveKind } from "../completion/tree.ts";
import { SHELLS, type Shell } from "../completion/scripts.ts";
import type { ContextOf } from "../command-table.ts";

export function register(program: Command, context: ContextOf): void {
  program
    .command("completion")
    .description("Print a completion script: source <(makima completion bash)")
    .addArgument(new Argument("<shell>", "bash, zsh or fish").choices(SHELLS))
    .action(async (shell: Shell) => {
      const { buildProgram } = await import("../program.ts");
      const { completionScript } = await import("../completion/scripts.ts");
      const { completionTree } = await import("../completion/tree.ts");
      process.stdout.write(completionScript(shell, completionTree(await buildProgram())));
    });
  program
    .command("__complete", { hidden: true })
    .addArgument(new Argument("<kind>").choices(LIVE_KINDS))
    .option("--within <ms>", "how long the server may take", Number)
    .action(async (kind: LiveKind, { within }: { within?: number }) => {
      const { liveIds } = await import("../completion/live-ids.ts");
      for (const line of await liveIds(await context(), kind, within)) process.stdout.write(`${line}\n`);
    });
}
