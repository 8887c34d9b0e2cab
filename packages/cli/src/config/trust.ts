/** Asks a person, once per content, whether the commands of a project's makima.toml may run here. */
import type { Config } from "@makima/protocol/config";
import { CliError, QuietExit } from "../cli-error.ts";
import type { CliContext } from "../cli-context.ts";
import { EXIT } from "../exit-codes.ts";
import { sanitizeLine } from "../print/terminal.ts";
import { confirm } from "../prompt.ts";
import { rememberConfirmed } from "./trusted.ts";

/** The configuration with the project's commands in it. Throws where nobody confirms them. */
export async function confirmProject(context: CliContext): Promise<Config> {
  const { loaded, paths, flags, out } = context;
  const asked = loaded.unconfirmed;
  if (!asked) return context.config;
  const shown = asked.commands.map(({ key, command }) => `${key} = ${sanitizeLine(JSON.stringify(command))}`);
  if (!flags.trustProject) {
    out.note(`${asked.file} names commands that would run on this machine:`);
    for (const line of shown) out.note(`  ${line}`);
    const answer = await confirm("Let makima run them in this project?", { initial: false });
    if (answer === "cannot ask") {
      throw new CliError({
        code: "PROJECT_NOT_TRUSTED",
        message: `${asked.file} names commands that no person has confirmed yet.`,
        why: shown.join("\n"),
        next: ["look at them, then add --trust-project", "or confirm once on a terminal"],
        exit: EXIT.usage,
      });
    }
    if (!answer) {
      out.note("Nothing was started. Change makima.toml, or say your own with --test-command.");
      throw new QuietExit(EXIT.usage);
    }
  }
  rememberConfirmed(asked, paths.trustFile, new Date());
  return context.reload().config;
}
