/** `makima run "GOAL"`: hand one sentence of work to an agent, follow it live, and say how it ended. */
import { resolve } from "node:path";
import { type Command, Option } from "commander";
import { AGENTS, COMPLETION_ACTIONS } from "@makima/protocol/run-spec";
import { createContext } from "../cli-context.ts";
import { QuietExit } from "../cli-error.ts";
import type { ContextOf } from "../command-table.ts";
import { EXIT } from "../exit-codes.ts";
import { readGoal } from "../run/goal.ts";
import { durationMs, positiveNumber, wholeNumber } from "../run/numbers.ts";
import type { RunFlags } from "../run/options.ts";
import { readStdin } from "../run/read-stdin.ts";
import { findRepository } from "../run/repository.ts";
import { runJob } from "../run/run-job.ts";

interface Flags extends RunFlags {
  repo?: string;
  planFile?: string;
  timeout?: number;
}

const EXAMPLES = `
Examples
  makima run "Fix the failing date test"
  makima run --plan-file plan.md --action merge --require-tests
  makima run "Add a --verbose flag" --base develop -i 5 --budget 2
  makima run "Anything" --agent sim --agent-script happy    a rehearsal, nothing is spent
  makima run "Tidy the docs" --json | jq -r 'select(.type == "result").status'

Ctrl-C pauses the task and keeps its work; a second one leaves at once while it goes on stopping.
Exit codes: 0 done · 1 failed · 2 usage · 6 blocked or needs a person · 7 no server · 124 time-out · 130 Ctrl-C
`;

export function register(program: Command, context: ContextOf): void {
  program
    .command("run")
    .summary("Hand one sentence of work to an agent and follow it")
    .description(
      "Hands one sentence of work to an agent in this git repository, follows it live, and hands back a commit.",
    )
    .argument("[goal...]", "what is to be done, in a sentence")
    .option("--repo <path>", "repository to work in; else the one around this folder")
    .option("--plan-file <file>", "read what is to be done from a file; - is standard input")
    .addOption(new Option("--agent <name>", "agent to run").choices(AGENTS).default("claude"))
    .option("--agent-script <name>", "sim: built-in scenario or script file")
    .option("--agent-speed <factor>", "sim: divide its delays by this", positiveNumber(1000))
    .option("--autonomous", "loop until the work is done and checked", true)
    .option("--no-autonomous", "one iteration without a completion gate")
    .option("-i, --max-iterations <n>", "iterations at most", wholeNumber(1, 50))
    .option("-1, --single-task", "stop after one iteration and report")
    .option("--require-tests", "done only when tests ran and passed")
    .option("--no-require-tests", "whatever the configuration says")
    .option("--test-command <command>", "shell command of the tests; else the one found")
    .option("--base <branch>", "branch to begin from; else the one checked out")
    .option("--target <branch>", "branch to merge into; else the base")
    .addOption(
      new Option("--action <action>", "what happens with the work")
        .choices(COMPLETION_ACTIONS)
        .default("branch"),
    )
    .option("--model <model>", "model of the agent")
    .option("--timeout <duration>", "pause the task after this long, e.g. 20m", durationMs)
    .option("--budget <usd>", "dollars at most", positiveNumber(100_000))
    .option("--name <name>", "name of the contract")
    .addHelpText("after", EXAMPLES)
    .action(async (words: string[], flags: Flags) => {
      const goal = await readGoal(
        { goal: words.length > 0 ? words.join(" ") : undefined, planFile: flags.planFile },
        readStdin,
      );
      const here = await context();
      const repository = await findRepository(resolve(here.cwd, flags.repo ?? "."), {
        base: flags.base,
        target: flags.target,
        merges: flags.action === "merge",
      });
      const { env, out } = here;
      // The project's file is the one of the repository that is worked in.
      const there =
        flags.repo === undefined
          ? here
          : await createContext({ flags: here.flags, env, out, cwd: repository.path });
      const { exit } = await runJob(there, { goal, repository, flags, timeoutMs: flags.timeout });
      if (exit !== EXIT.ok) throw new QuietExit(exit);
    });
}
