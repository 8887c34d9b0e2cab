import { type Command, Option } from "commander";
import type { Client } from "@makima/client/rest";
import type { ParkReason } from "@makima/core/task";
import { questionSchema, type DaemonView, type QuestionView } from "@makima/protocol/api/mesh";
import { routes } from "@makima/protocol/api/routes";
import type { TaskView } from "@makima/protocol/api/task-schema";
import type { ContextOf } from "../../command-table.ts";
import type { Output } from "../../output.ts";
import { answeredFields } from "../../print/json-fields.ts";
import type { Line } from "../../print/line.ts";
import { renderLine } from "../../print/live.ts";
import { printTable, type Column } from "../../print/table.ts";
import { sanitizeLine } from "../../print/terminal.ts";
import { ageWords, plural } from "../../print/words.ts";
import { wholeNumber } from "../../run/numbers.ts";
import { questionLines } from "../../run/questions.ts";
import { waitingFor } from "../tasks/columns.ts";
import { daemonsOf, signInLines } from "./sign-in.ts";

interface Flags {
  status: "open" | "answered" | "closed";
  task?: string;
  limit: number;
}

/** Everything that waits for a person. */
interface Needs {
  daemons: DaemonView[];
  questions: QuestionView[];
  halted: TaskView[];
}

const EXAMPLES = `
Examples
  makima inbox
  makima inbox answer q-204a 1
  makima questions list --status answered --json=shortId,answer

With --json only the questions, as the API gives them.
`;

/** Blocked for these, a task waits for a decision; for a question or a login, it is listed as that. */
const HALTED: readonly ParkReason[] = [
  "circuit_breaker",
  "limit_reached",
  "single_task",
  "no_test_command",
  "setup_required",
];

export function registerList(questions: Command, context: ContextOf): void {
  questions
    .command("list", { isDefault: true })
    .alias("ls")
    .description("List what waits for you: logins, questions, stopped tasks")
    .addOption(
      new Option("--status <status>", "questions of this status")
        .choices(["open", "answered", "closed"])
        .default("open"),
    )
    .option("--task <id>", "only the questions of this task")
    .option("-n, --limit <n>", "questions at most", wholeNumber(1, 500), 50)
    .addHelpText("after", EXAMPLES)
    .action(async (flags: Flags) => {
      const { out, connect } = await context();
      if (answeredFields(out, questionSchema)) return;
      const { client } = await connect();
      const query = { status: flags.status, limit: flags.limit, taskId: flags.task };
      const page = await client.call(routes.listQuestions, { query });
      if (out.json) return out.value(page);
      const all = flags.status === "open" && flags.task === undefined;
      const others = all ? await otherNeeds(client) : { daemons: [], halted: [] };
      const needs: Needs = { questions: page.items, ...others };
      if (out.terminal.isTty) printLines(out, needs);
      else printRows(out, needs);
      const count = needs.daemons.length + needs.questions.length + needs.halted.length;
      if (count === 0) out.note(all ? "Nothing needs you." : `No ${flags.status} questions.`);
      else if (out.terminal.isTty)
        out.note(out.errors.paint("dim", all ? `${count} need you` : plural(count, "question")));
    });
}

async function otherNeeds(client: Client): Promise<Omit<Needs, "questions">> {
  const [daemons, blocked] = await Promise.all([
    daemonsOf(client),
    client.call(routes.listTasks, { query: { status: "blocked", limit: 500 } }),
  ]);
  const halted = blocked.items.filter(({ blockedBy }) => blockedBy !== null && HALTED.includes(blockedBy));
  return { daemons: daemons.filter((daemon) => daemon.authRequired.length > 0), halted };
}

function printLines(out: Output, { daemons, questions, halted }: Needs): void {
  const lines: Line[] = [
    ...daemons.flatMap((daemon) => daemon.authRequired.flatMap((each) => signInLines(daemon, each))),
    ...questions.flatMap(linesOfQuestion),
    ...halted.flatMap(linesOfHalted),
  ];
  for (const line of lines) out.line(renderLine(line, out.terminal));
}

function linesOfQuestion(question: QuestionView): Line[] {
  const age = ageWords(Date.now() - Date.parse(question.askedAt));
  const [head, ...rest] = questionLines(question);
  const lines = head ? [{ ...head, note: `${question.shortId} · ${age}` }] : [];
  if (question.status === "open") return [...lines, ...rest];
  const answer: Line[] =
    question.answer === null
      ? []
      : [{ tone: "good", glyph: "›", text: sanitizeLine(question.answer), indent: 1 }];
  return [...lines, ...rest.slice(0, -1), ...answer];
}

function linesOfHalted(task: TaskView): Line[] {
  const age = ageWords(Date.now() - Date.parse(task.updatedAt));
  const text = `${sanitizeLine(task.name)}: ${sanitizeLine(waitingFor(task))}`;
  return [
    { tone: "warn", glyph: "⏸", text, note: `${task.shortId} · ${age}` },
    { tone: "dim", glyph: "", text: `makima tasks continue ${task.shortId} -i 5 --message "…"`, indent: 1 },
  ];
}

interface Row {
  id: string;
  kind: string;
  status: string;
  at: string;
  text: string;
  answer: string;
}

function printRows(out: Output, { daemons, questions, halted }: Needs): void {
  const rows: Row[] = [
    ...daemons.flatMap((daemon) =>
      daemon.authRequired.map(({ message, loginUrl }) => ({
        id: daemon.name,
        kind: "sign-in",
        status: "open",
        at: daemon.lastSeenAt,
        text: loginUrl === undefined ? message : `${message} ${loginUrl}`,
        answer: "",
      })),
    ),
    ...questions.map((question) => ({
      id: question.shortId,
      kind: question.kind,
      status: question.status,
      at: question.askedAt,
      text: question.question,
      answer: question.answer ?? "",
    })),
    ...halted.map((task) => ({
      id: task.shortId,
      kind: "halted",
      status: task.blockedBy ?? "",
      at: task.updatedAt,
      text: waitingFor(task, ""),
      answer: "",
    })),
  ];
  printTable(out, COLUMNS, rows);
}

const COLUMNS: Column<Row>[] = [
  { title: "ID", show: ({ id }) => id },
  { title: "KIND", show: ({ kind }) => kind },
  { title: "STATUS", show: ({ status }) => status },
  { title: "SINCE", show: ({ at }) => at },
  { title: "WHAT", show: ({ text }) => text },
  { title: "ANSWER", show: ({ answer }) => answer },
];
