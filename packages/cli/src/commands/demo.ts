/** `makima demo`: the main job on a throw-away repository with the simulated agent. No key, no account. */
import { join } from "node:path";
import type { Command } from "commander";
import type { TaskView } from "@makima/protocol/api/task-schema";
import { createContext } from "../cli-context.ts";
import { QuietExit } from "../cli-error.ts";
import type { ContextOf } from "../command-table.ts";
import { prepareDemo } from "../demo/prepare.ts";
import { EXIT } from "../exit-codes.ts";
import type { Line } from "../print/line.ts";
import { shellWord } from "../print/words.ts";
import { durationMs, positiveNumber } from "../run/numbers.ts";
import { findRepository } from "../run/repository.ts";
import { runJob } from "../run/run-job.ts";

interface Flags {
  speed?: number;
  keep?: boolean;
  timeout?: number;
}

const GOAL =
  "Half a cent is rounded down: make the cart's total round to cents properly, so that the tests pass.";

const EXAMPLES = `
Examples
  makima demo
  makima demo --speed 4 --keep
  makima demo --json | tail -1

The agent is simulated: it follows a script, calls no model and spends nothing. Everything else is real:
server, database, daemon, worktree, checks, commit and merge.
`;

export function register(program: Command, context: ContextOf): void {
  program
    .command("demo")
    .summary("Watch a contract run with a simulated agent; no key needed")
    .description(
      "Runs a real contract with a simulated agent in a throw-away repository. No key, no account, under a minute.",
    )
    .option("--speed <factor>", "divide the agent's delays by this", positiveNumber(1000))
    .option("--keep", "keep the repository for good; else the next demo removes it")
    .option("--timeout <duration>", "pause the task after this long", durationMs)
    .addHelpText("after", EXAMPLES)
    .action(async (flags: Flags) => {
      const here = await context();
      const keep = flags.keep === true;
      const { path } = await prepareDemo(join(here.paths.stateDir, "demo"), { keep, now: new Date() });
      // What stands in the folder that the person is in has no say in a demo.
      const there = await createContext({ flags: here.flags, env: here.env, out: here.out, cwd: path });
      const { exit } = await runJob(there, {
        goal: GOAL,
        repository: await findRepository(path, { merges: true }),
        flags: {
          agent: "sim",
          agentScript: "demo",
          agentSpeed: flags.speed,
          autonomous: true,
          singleTask: false,
          maxIterations: 5,
          requireTests: true,
          testCommand: `${shellWord(process.execPath)} --test`,
          action: "merge",
          name: "Demo: round half a cent",
        },
        timeoutMs: flags.timeout,
        banner: { start: START, end: (task) => endLines(task, path, keep) },
      });
      if (exit !== EXIT.ok) throw new QuietExit(exit);
    });
}

const START: Line[] = [
  {
    tone: "warn",
    glyph: "◆",
    text: "SIMULATION — the agent follows a script and spends nothing; server, worktree, checks and merge are real",
  },
];

function plain(text: string): Line {
  return { tone: "plain", glyph: "", text, indent: 1 };
}

function endLines(task: TaskView, path: string, keep: boolean): Line[] {
  const kept = keep ? "kept until you remove it" : "kept until the next demo removes it; --keep keeps it";
  return [
    plain(""),
    plain(`Where     ${path}    ${kept}`),
    plain(`Evidence  makima tasks evidence ${task.shortId}`),
    plain('Yours     cd my/repo && makima run "Fix the failing date test"'),
    {
      tone: "warn",
      glyph: "◆",
      text: "That was a SIMULATION: no model was called and nothing was spent",
    },
  ];
}
