/** `makima questions` and `makima inbox`: what agents ask, and your answers. */
import { type Command, Option } from "commander";
import type { Client } from "@makima/client/rest";
import { questionSchema, type QuestionView } from "@makima/protocol/api/mesh";
import { routes } from "@makima/protocol/api/routes";
import { usageError } from "../cli-error.ts";
import type { CliContext } from "../cli-context.ts";
import type { ContextOf } from "../command-table.ts";
import { answeredFields } from "../print/json-fields.ts";
import { renderLine } from "../print/live.ts";
import { printTable, type Column } from "../print/table.ts";
import { sanitizeLine } from "../print/terminal.ts";
import { ageWords, plural } from "../print/words.ts";
import { wholeNumber } from "../run/numbers.ts";
import { choicesFor, questionLines, readAnswer } from "../run/questions.ts";

const EXAMPLES = `
Examples
  makima inbox
  makima inbox answer q-204a 1
  makima inbox answer q-204a "Half up, as the spec of 2019 says"
  makima inbox answer q-31bd deny --note "Not on this machine"
`;

interface ListFlags {
  status: "open" | "answered" | "closed";
  task?: string;
  limit: number;
}

export function register(program: Command, context: ContextOf): void {
  const questions = program
    .command("questions")
    .aliases(["question", "inbox"])
    .description("What agents ask, and your answers")
    .addHelpText("after", EXAMPLES);
  questions
    .command("list", { isDefault: true })
    .alias("ls")
    .description("List questions, oldest first")
    .addOption(
      new Option("--status <status>", "only those of this status")
        .choices(["open", "answered", "closed"])
        .default("open"),
    )
    .option("--task <id>", "only those of this task")
    .option("-n, --limit <n>", "questions at most", wholeNumber(1, 500), 50)
    .addHelpText("after", EXAMPLES)
    .action(async (flags: ListFlags) => {
      const ctx = await context();
      if (answeredFields(ctx.out, questionSchema)) return;
      const { client } = await ctx.connect();
      const query = { status: flags.status, limit: flags.limit, taskId: flags.task };
      const page = await client.call(routes.listQuestions, { query });
      if (ctx.out.json) return ctx.out.value(page);
      printQuestions(ctx, page.items, flags.status);
    });
  questions
    .command("answer")
    .description("Answer a question: the number of a choice, or in words")
    .argument("<id>", "question: full or short id, or the beginning of one")
    .argument("<answer...>", "a choice's number or text; for a permission: allow or deny")
    .option("--note <text>", "said to the agent beside the answer, e.g. why not")
    .addHelpText("after", EXAMPLES)
    .action(async (id: string, words: string[], flags: { note?: string }) => {
      const ctx = await context();
      if (answeredFields(ctx.out, questionSchema)) return;
      const { client } = await ctx.connect();
      const answer = await answerFor(client, id, words.join(" "));
      const body = flags.note === undefined ? { answer } : { answer, note: flags.note };
      const question = await client.call(routes.answerQuestion, { params: { id }, body });
      if (ctx.out.json) return ctx.out.value(question);
      ctx.out.line(
        ctx.out.terminal.isTty
          ? `${question.shortId}  ✔ answered: ${sanitizeLine(question.answer ?? answer)}`
          : `${question.shortId}\t${question.status}`,
      );
    });
}

/** What the server is to be told: a number stands for the choice that it numbers. */
async function answerFor(client: Client, id: string, typed: string): Promise<string> {
  const page = await client.call(routes.listQuestions, { query: { status: "open", limit: 500 } });
  const matches = page.items.filter(
    (each) => each.id === id || each.shortId === id || each.shortId.startsWith(id) || each.id.startsWith(id),
  );
  const question =
    matches.find((each) => each.id === id || each.shortId === id) ??
    (matches.length === 1 ? matches[0] : undefined);
  // Not among the open ones: the server says what has become of it.
  if (!question) return typed;
  const answer = readAnswer(typed, question);
  if (answer !== undefined) return answer;
  const choices = choicesFor(question).map((choice, index) => `${index + 1}  ${choice.label}`);
  throw usageError(`${JSON.stringify(typed)} is no answer to ${question.shortId}.`, ...choices);
}

function printQuestions({ out }: CliContext, questions: readonly QuestionView[], status: string): void {
  if (questions.length === 0)
    return out.note(status === "open" ? "Nothing needs you." : `No ${status} questions.`);
  if (!out.terminal.isTty) return printTable(out, COLUMNS, questions);
  for (const question of questions) {
    const [head, ...rest] = questionLines(question);
    const age = ageWords(Date.now() - Date.parse(question.askedAt));
    if (head) out.line(renderLine({ ...head, note: `${question.shortId} · ${age}` }, out.terminal));
    for (const line of rest.slice(0, question.status === "open" ? undefined : -1))
      out.line(renderLine(line, out.terminal));
    if (question.answer !== null) {
      out.line(
        renderLine(
          { tone: "good", glyph: "›", text: sanitizeLine(question.answer), indent: 1 },
          out.terminal,
        ),
      );
    }
  }
  out.note(`${plural(questions.length, "question")} ${status}`);
}

const COLUMNS: Column<QuestionView>[] = [
  { title: "ID", show: ({ shortId }) => shortId },
  { title: "KIND", show: ({ kind }) => kind },
  { title: "STATUS", show: ({ status }) => status },
  { title: "TASK", show: ({ taskId }) => taskId },
  { title: "ASKED", show: ({ askedAt }) => askedAt },
  { title: "QUESTION", show: ({ question }) => question },
  { title: "ANSWER", show: ({ answer }) => answer ?? "" },
];
