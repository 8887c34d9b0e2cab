/** `makima inbox`, also `makima questions`: what waits for you, and your answers. */
import type { Command } from "commander";
import type { Client } from "@makima/client/rest";
import { questionSchema } from "@makima/protocol/api/mesh";
import { routes } from "@makima/protocol/api/routes";
import { usageError } from "../cli-error.ts";
import type { ContextOf } from "../command-table.ts";
import { answeredFields } from "../print/json-fields.ts";
import { sanitizeLine } from "../print/terminal.ts";
import { choicesFor, readAnswer } from "../run/questions.ts";
import { registerList } from "./questions/list.ts";
import { registerSignIn } from "./questions/sign-in.ts";

const EXAMPLES = `
Examples
  makima inbox
  makima inbox answer q-204a 1
  makima inbox answer q-204a "Half up, as the spec of 2019 says"
  makima inbox answer q-31bd deny --note "Not on this machine"
  makima inbox sign-in
`;

export function register(program: Command, context: ContextOf): void {
  const questions = program
    .command("questions")
    .aliases(["inbox", "question"])
    .description("What waits for you, and your answers")
    .addHelpText("after", EXAMPLES);
  registerList(questions, context);
  registerSignIn(questions, context);
  questions
    .command("answer")
    .description("Answer a question: the number of a choice, or in words")
    .argument("<id>", "question: full or short id, or the beginning of one")
    .argument("<answer...>", "a choice's number or text; for a permission: allow or deny")
    .option("--note <text>", "said to the agent beside the answer, e.g. why not")
    .addHelpText("after", EXAMPLES)
    .action(async (id: string, words: string[], flags: { note?: string }) => {
      const { out, connect } = await context();
      if (answeredFields(out, questionSchema)) return;
      const { client } = await connect();
      const answer = await answerFor(client, id, words.join(" "));
      const body = flags.note === undefined ? { answer } : { answer, note: flags.note };
      const question = await client.call(routes.answerQuestion, { params: { id }, body });
      if (out.json) return out.value(question);
      const said = sanitizeLine(question.answer ?? answer);
      out.line(
        out.terminal.isTty
          ? `${question.shortId}  ✔ answered: ${said}`
          : `${question.shortId}\t${question.status}`,
      );
    });
}

/** What the server is to be told: a number stands for the choice that it numbers. */
async function answerFor(client: Client, id: string, typed: string): Promise<string> {
  const page = await client.call(routes.listQuestions, { query: { status: "open", limit: 500 } });
  const exact = page.items.find((each) => each.id === id || each.shortId === id);
  const near = page.items.filter((each) => each.shortId.startsWith(id) || each.id.startsWith(id));
  const question = exact ?? (near.length === 1 ? near[0] : undefined);
  // Not among the open ones: the server says what has become of it.
  if (!question) return typed;
  const answer = readAnswer(typed, question);
  if (answer !== undefined) return answer;
  const choices = choicesFor(question).map((choice, index) => `${index + 1}  ${choice.label}`);
  throw usageError(`${JSON.stringify(typed)} is no answer to ${question.shortId}.`, ...choices);
}
