/** The command line of Claude Code. */
import { join } from "node:path";
import type { Launch, LaunchSpec } from "../agent.ts";
import { userMessage } from "./control.ts";

/** Longer prompts go by file: the system takes no single argument over 128 KiB. */
const MOST_ARGUMENT_BYTES = 100 * 1024;

export function launch(spec: LaunchSpec): Launch {
  const files: Launch["files"] = [];
  const notes: string[] = [];
  const byLength = (flag: string, text: string | undefined): string[] => {
    if (text === undefined || text === "") return [];
    if (Buffer.byteLength(text) <= MOST_ARGUMENT_BYTES) return [flag, text];
    const path = join(spec.folder, `${flag.slice(2)}.md`);
    files.push({ path, content: text });
    return [`${flag}-file`, path];
  };
  if (spec.disableVerbose) {
    notes.push("disable_verbose has no effect: Claude Code writes stream-json only with --verbose.");
  }
  const args = [
    ...spec.preArgs,
    "--output-format=stream-json",
    "--input-format=stream-json",
    "--verbose",
    // Input comes back once the agent took it in: that is how a message is known to be delivered.
    "--replay-user-messages",
    ...(spec.enablePermissions ? [] : ["--dangerously-skip-permissions"]),
    "--permission-prompt-tool",
    "stdio",
    ...byLength("--system-prompt", spec.systemPrompt),
    ...byLength("--append-system-prompt", spec.appendSystemPrompt),
    ...(spec.model ? ["--model", spec.model] : []),
    ...(spec.maxBudgetUsd === undefined ? [] : ["--max-budget-usd", dollars(spec.maxBudgetUsd)]),
    ...sessionArguments(spec),
    ...spec.args,
  ];
  return { args, firstLines: [userMessage(spec.prompt)], files, notes };
}

function sessionArguments({ session }: LaunchSpec): string[] {
  switch (session.mode) {
    case "new":
      return ["--session-id", session.id];
    case "resume":
      return ["--resume", session.id];
    case "fork":
      return ["--resume", session.from, "--fork-session", "--session-id", session.id];
  }
}

/** Without exponent, and never zero: "0" would be read as no limit or refused. */
function dollars(amount: number): string {
  return Math.max(amount, 0.0001)
    .toFixed(4)
    .replace(/\.?0+$/, "");
}
