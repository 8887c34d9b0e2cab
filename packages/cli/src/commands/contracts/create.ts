import { resolve } from "node:path";
import { type Command, Option } from "commander";
import { contractSchema, type repositoryInput } from "@makima/protocol/api/contracts";
import { routes } from "@makima/protocol/api/routes";
import { AGENTS, COMPLETION_ACTIONS } from "@makima/protocol/run-spec";
import type { z } from "zod";
import type { CliContext } from "../../cli-context.ts";
import { usageError } from "../../cli-error.ts";
import type { ContextOf } from "../../command-table.ts";
import { hostId } from "@makima/daemon/host-id";
import { answeredFields } from "../../print/json-fields.ts";
import { readGoal } from "../../run/goal.ts";
import { positiveNumber, wholeNumber } from "../../run/numbers.ts";
import { contractLimits, contractOptions, taskSettings, type RunFlags } from "../../run/options.ts";
import { readStdin } from "../../run/read-stdin.ts";
import { findRepository } from "../../run/repository.ts";

interface Flags extends RunFlags {
  planFile?: string;
  type: string;
  repo?: string;
  url?: string;
  start?: boolean;
}

const EXAMPLES = `
Examples
  makima contracts create "Discount codes in checkout" --start
  makima contracts create --plan-file plan.md --type single --action merge
  makima contracts create "Update the docs" --url git@example.com:acme/docs.git

Prints the contract's id. makima run creates one of type single, starts it and follows it.
`;

export function registerCreate(contracts: Command, context: ContextOf): void {
  contracts
    .command("create")
    .description("Create a contract")
    .argument("[goal...]", "what is to be done")
    .option("--plan-file <file>", "read what is to be done from a file; - is standard input")
    .option("--type <type>", "contract type", "simple")
    .option("--name <name>", "its name; else taken from the goal")
    .option("--repo <path>", "local repository; else the one around this folder")
    .option("--url <url>", "remote repository instead of a local one")
    .option("--base <branch>", "branch to begin from")
    .option("--target <branch>", "single: branch to merge into")
    .addOption(new Option("--agent <name>", "single: agent to run").choices(AGENTS).default("claude"))
    .addOption(
      new Option("--action <action>", "single: what happens with the work")
        .choices(COMPLETION_ACTIONS)
        .default("branch"),
    )
    .option("--autonomous", "loop until the work is done and checked", true)
    .option("--no-autonomous", "no loop")
    .option("-i, --max-iterations <n>", "iterations at most", wholeNumber(1, 50))
    .option("--require-tests", "done only when tests ran and passed")
    .option("--test-command <command>", "shell command of the tests; else the one found")
    .option("--model <model>", "single: model of the agent")
    .option("--budget <usd>", "dollars at most", positiveNumber(100_000))
    .option("--start", "begin work at once")
    .addHelpText("after", EXAMPLES)
    .action(async (words: string[], flags: Flags) => {
      const ctx = await context();
      if (answeredFields(ctx.out, contractSchema)) return;
      const typed = words.length > 0 ? words.join(" ") : undefined;
      const goal = await readGoal({ goal: typed, planFile: flags.planFile }, readStdin);
      const repository = await repositoryOf(ctx, flags);
      const config = await ctx.projectConfig();
      const settings = taskSettings(config, { ...flags, base: repository.baseBranch });
      const { client } = await ctx.connect();
      const body = {
        goal,
        contractType: flags.type,
        repositories: [repository],
        options: contractOptions(config, flags),
        autonomousLoop: flags.autonomous,
        limits: contractLimits(settings),
        start: flags.start === true,
        ...(flags.name === undefined ? {} : { name: flags.name }),
        ...(flags.type === "single" ? { task: settings } : {}),
      };
      const { contract } = await client.call(routes.createContract, { body });
      if (ctx.out.json) return ctx.out.value(contract);
      ctx.out.line(contract.shortId);
      const next = flags.start
        ? `makima contracts show ${contract.shortId}`
        : `makima contracts start ${contract.shortId}`;
      ctx.out.note(ctx.out.errors.paint("dim", next));
    });
}

async function repositoryOf(ctx: CliContext, flags: Flags): Promise<z.input<typeof repositoryInput>> {
  if (flags.url !== undefined) {
    if (flags.repo !== undefined)
      throw usageError("Both --repo and --url were given.", "Leave one of them out");
    const base = flags.base === undefined ? {} : { baseBranch: flags.base };
    return { kind: "remote", url: flags.url, isPrimary: true, ...base };
  }
  const folder = resolve(ctx.cwd, flags.repo ?? ".");
  const found = await findRepository(folder, {
    base: flags.base,
    target: flags.target,
    merges: flags.action === "merge",
  });
  return { kind: "local", path: found.path, hostId: hostId(), baseBranch: found.baseBranch, isPrimary: true };
}
