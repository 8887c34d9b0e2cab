import { type Command, Option } from "commander";
import { followTask } from "@makima/client/follow-task";
import type { Client } from "@makima/client/rest";
import { isFinal } from "@makima/core/task";
import { routes } from "@makima/protocol/api/routes";
import type { TaskView } from "@makima/protocol/api/task-schema";
import { historyEntrySchema, MESSAGE_TYPES, type HistoryEntry } from "@makima/protocol/history";
import { QuietExit } from "../../cli-error.ts";
import type { ContextOf } from "../../command-table.ts";
import { EXIT } from "../../exit-codes.ts";
import type { Output } from "../../output.ts";
import { answeredFields } from "../../print/json-fields.ts";
import { createLive, type Live } from "../../print/live.ts";
import { escaped } from "../../print/table.ts";
import { taskStatusWords } from "../../print/words.ts";
import { onInterrupt } from "../../run/interrupts.ts";
import { wholeNumber } from "../../run/numbers.ts";
import { whichId } from "./which.ts";

interface Flags {
  follow?: boolean;
  tail?: number;
  full?: boolean;
  type?: (typeof MESSAGE_TYPES)[number];
}

const EXAMPLES = `
Examples
  makima tasks logs -f t-91c2
  makima tasks logs t-91c2 -n 50 --full
  makima tasks logs t-91c2 --type error --json

Piped: number, time, type, tool and text, with tabs between them. Ctrl-C never stops the work.
`;

export function registerLogs(tasks: Command, context: ContextOf): void {
  tasks
    .command("logs")
    .description("Show what a task's agent said and did")
    .argument("[id]", "task: full or short id, or the beginning of one")
    .option("-f, --follow", "go on until the task is over or waits for somebody")
    .option("-n, --tail <n>", "only the newest entries", wholeNumber(1, 2000))
    .option("--full", "all of every text, thoughts and tool output too")
    .addOption(new Option("--type <type>", "only entries of this type").choices(MESSAGE_TYPES))
    .addHelpText("after", EXAMPLES)
    .action(async (typed: string | undefined, flags: Flags) => {
      const { env, out, connect } = await context();
      if (answeredFields(out, historyEntrySchema)) return;
      const id = whichId("task", typed, env);
      const { client } = await connect();
      using printer = printerFor(out, flags);
      const last = await printPast(client, id, flags, printer);
      if (flags.follow) await follow(client, id, last, flags, printer, out);
    });
}

interface Printer extends Disposable {
  entry(entry: HistoryEntry): void;
  task(task: TaskView): void;
}

function nothing(): void {}

function printerFor(out: Output, { full = false }: Flags): Printer {
  if (out.json) return { entry: (entry) => out.value(entry), task: nothing, [Symbol.dispose]: nothing };
  if (!out.terminal.isTty)
    return { entry: (entry) => out.line(rawEntry(entry)), task: nothing, [Symbol.dispose]: nothing };
  const live: Live = createLive({
    terminal: out.terminal,
    write: (text) => out.line(text, ""),
    now: () => performance.now(),
    full,
  });
  return live;
}

function rawEntry(entry: HistoryEntry): string {
  return [entry.seq, entry.at, entry.messageType, entry.toolName ?? "", entry.content]
    .map((value) => escaped(String(value)))
    .join("\t");
}

/** Prints what there is and gives the number of the newest entry. */
async function printPast(client: Client, id: string, flags: Flags, printer: Printer): Promise<number> {
  const params = { id };
  const type = flags.type;
  if (flags.tail !== undefined) {
    const query = { limit: flags.tail, tail: "true", type };
    const page = await client.call(routes.listTaskOutput, { params, query });
    for (const entry of page.items) printer.entry(entry);
    return page.lastSeq;
  }
  for (let after = 0; ;) {
    const page = await client.call(routes.listTaskOutput, { params, query: { after, limit: 1000, type } });
    for (const entry of page.items) printer.entry(entry);
    const last = page.items.at(-1)?.seq;
    if (last === undefined || last >= page.lastSeq || page.items.length < 1000) return page.lastSeq;
    after = last;
  }
}

async function follow(
  client: Client,
  taskId: string,
  after: number,
  flags: Flags,
  printer: Printer,
  out: Output,
): Promise<void> {
  const over = new AbortController();
  const interrupts = onInterrupt(() => over.abort());
  let task: TaskView | undefined;
  try {
    for await (const item of followTask(client, { taskId, after, until: rests, signal: over.signal })) {
      if (item.type === "task") {
        task = item.task;
        printer.task(task);
      } else if (item.type === "entries") {
        for (const entry of item.items) {
          if (flags.type === undefined || entry.messageType === flags.type) printer.entry(entry);
        }
      }
    }
  } catch (error) {
    if (!over.signal.aborted) throw error;
    printer[Symbol.dispose]();
    out.note(`Stopped following; the task goes on. Again: makima tasks logs -f ${taskId}`);
    throw new QuietExit(EXIT.interrupted);
  } finally {
    interrupts[Symbol.dispose]();
  }
  printer[Symbol.dispose]();
  if (task) out.note(`The task is ${taskStatusWords(task.status)}. See: makima tasks show ${task.shortId}`);
}

function rests(task: TaskView): boolean {
  return (
    isFinal(task.status) || task.status === "paused" || (task.status === "blocked" && task.wakeAt === null)
  );
}
