/** What a person does to a task: write to it, stop it for a while or for good, let it go on. */
import type { Command } from "commander";
import { isAtRest } from "@makima/client/follow-task";
import { routes } from "@makima/protocol/api/routes";
import { taskSchema, type TaskView } from "@makima/protocol/api/task-schema";
import { QuietExit, usageError } from "../../cli-error.ts";
import type { CliContext, Connection } from "../../cli-context.ts";
import type { ContextOf } from "../../command-table.ts";
import { EXIT } from "../../exit-codes.ts";
import { answeredFields } from "../../print/json-fields.ts";
import { paintStatus, sanitizeLine } from "../../print/terminal.ts";
import { durationMs, positiveNumber, wholeNumber } from "../../run/numbers.ts";
import { readStdin } from "../../run/read-stdin.ts";
import { exitOfTask, waitForTask } from "./wait.ts";
import { whichId } from "./which.ts";

interface WaitFlags {
  wait?: boolean;
  timeout?: number;
}

interface Act<Flags extends WaitFlags> {
  tasks: Command;
  context: ContextOf;
  name: string;
  about: string;
  example: string;
  call: (client: Connection["client"], id: string, flags: Flags) => Promise<TaskView>;
  /** With it the command takes `--wait`: until when. `rest` also sets the exit code by how the task ended. */
  wait?: "stopped" | "rest";
  /** Said after the action, where the task is not there yet. */
  hint?: (task: TaskView) => string | undefined;
}

const ID = "task: full or short id, or the beginning of one";
const logs = (task: TaskView) => `makima tasks logs -f ${task.shortId}`;

/** A command that acts on one task, shows it, and may wait for what comes of it. */
function act<Flags extends WaitFlags>(given: Act<Flags>): Command {
  const command = given.tasks.command(given.name).description(given.about).argument("[id]", ID);
  if (given.wait) {
    command
      .option(
        "--wait",
        given.wait === "stopped" ? "until its agent has stopped" : "until it is over or needs somebody",
      )
      .option("--timeout <duration>", "wait at most this long, e.g. 20m; exit 124", durationMs);
  }
  return command
    .addHelpText("after", `\nExamples\n  ${given.example}\n`)
    .action(async (typed: string | undefined, flags: Flags) => {
      const ctx = await context(given.context);
      if (answeredFields(ctx.out, taskSchema)) return;
      const id = whichId("task", typed, ctx.env);
      const { client } = await ctx.connect();
      let task = await given.call(client, id, flags);
      const waits = given.wait !== undefined && (flags.wait === true || flags.timeout !== undefined);
      if (waits && !(given.wait === "stopped" && isAtRest(task))) {
        task = await waitForTask(client, ctx.out, task.id, { timeoutMs: flags.timeout });
      }
      showAfter(ctx, task, waits ? undefined : given.hint?.(task));
      const exit = waits && given.wait === "rest" ? exitOfTask(task) : EXIT.ok;
      if (exit !== EXIT.ok) throw new QuietExit(exit);
    });
}

function context(contextOf: ContextOf): Promise<CliContext> {
  return contextOf();
}

function showAfter({ out }: CliContext, task: TaskView, hint: string | undefined): void {
  if (out.json) return out.value(task);
  if (!out.terminal.isTty) return out.line(`${task.shortId}\t${task.status}`);
  const pausing = task.pauseRequested ? " (stopping)" : "";
  out.line(
    `${task.shortId}  ${paintStatus(out.terminal, task.status)}${pausing}  ${sanitizeLine(task.name)}`,
  );
  if (hint !== undefined) out.note(out.errors.paint("dim", hint));
}

export function registerActions(tasks: Command, context: ContextOf): void {
  const common = { tasks, context };
  act({
    ...common,
    name: "pause",
    about: "Stop a task's agent gently; session and work are kept",
    example: "makima tasks pause t-91c2 --wait",
    wait: "stopped",
    call: (client, id) => client.call(routes.pauseTask, { params: { id } }),
    hint: (task) => `Go on with it: makima tasks resume ${task.shortId}`,
  });
  act({
    ...common,
    name: "resume",
    about: "Go on with a paused task in the same session",
    example: "makima tasks resume t-91c2 --wait --timeout 20m",
    wait: "rest",
    call: (client, id) => client.call(routes.resumeTask, { params: { id } }),
    hint: logs,
  });
  act<WaitFlags & { maxIterations?: number; message?: string; budget?: number }>({
    ...common,
    name: "continue",
    about: "Go on with a blocked task: more iterations, a new instruction, more money",
    example: 'makima tasks continue t-91c2 -i 5 --message "Use UTC everywhere"',
    wait: "rest",
    call: (client, id, flags) => {
      const body = {
        ...(flags.maxIterations === undefined ? {} : { moreIterations: flags.maxIterations }),
        ...(flags.message === undefined ? {} : { instruction: flags.message }),
        ...(flags.budget === undefined ? {} : { addCostUsd: flags.budget }),
      };
      return client.call(routes.continueTask, { params: { id }, body });
    },
    hint: logs,
  })
    .option("-i, --max-iterations <n>", "iterations more", wholeNumber(1, 50))
    .option("-m, --message <text>", "an instruction for the agent")
    .option("--budget <usd>", "dollars more", positiveNumber(100_000));
  act({
    ...common,
    name: "cancel",
    about: "Stop a task for good; its work stays on a checkpoint",
    example: "makima tasks cancel t-91c2",
    call: (client, id) => client.call(routes.cancelTask, { params: { id } }),
    hint: (task) => `Its work: makima tasks checkpoints ${task.shortId}`,
  });
  act({
    ...common,
    name: "retry",
    about: "Run a task that is over again, from the start of its loop",
    example: "makima tasks retry t-91c2 --wait",
    wait: "rest",
    call: (client, id) => client.call(routes.retryTask, { params: { id } }),
    hint: logs,
  });
  act({
    ...common,
    name: "retry-completion-action",
    about: "Try the push, merge or pull request of a done task again",
    example: "makima tasks retry-completion-action t-91c2",
    call: (client, id) => client.call(routes.retryCompletionAction, { params: { id } }),
    hint: (task) => `makima tasks show ${task.shortId}`,
  });
  registerMessage(tasks, context);
}

function registerMessage(tasks: Command, contextOf: ContextOf): void {
  tasks
    .command("message")
    .description("Write to a task's agent: now if it runs, else with its next prompt")
    .argument("<id>", ID)
    .argument("[text...]", "what to say; - is standard input")
    .addHelpText(
      "after",
      '\nExamples\n  makima tasks message t-91c2 "Use UTC everywhere"\n  cat notes.md | makima tasks message t-91c2 -\n',
    )
    .action(async (typed: string, words: string[]) => {
      const ctx = await context(contextOf);
      if (answeredFields(ctx.out, taskSchema)) return;
      const id = whichId("task", typed, ctx.env);
      const joined = words.join(" ");
      const text = joined === "-" ? (await readStdin()).toString("utf8") : joined;
      if (text.trim() === "")
        throw usageError("There is no message.", 'makima tasks message t-91c2 "Use UTC everywhere"');
      const { client } = await ctx.connect();
      const task = await client.call(routes.messageTask, { params: { id }, body: { text } });
      showAfter(ctx, task, isAtRest(task) ? "It is read when the task goes on" : logs(task));
    });
}
