/** What an agent asks in the middle of its work: shown with its choices, answered by a number or in words. */
import { createInterface } from "node:readline/promises";
import { ProblemError } from "@makima/client/client-error";
import type { Client } from "@makima/client/rest";
import type { QuestionView } from "@makima/protocol/api/mesh";
import { routes } from "@makima/protocol/api/routes";
import { choicesOf } from "../print/format-entry.ts";
import { linesOf, type Line } from "../print/line.ts";
import { describeTool } from "../print/describe-tool.ts";
import { sanitize, sanitizeLine } from "../print/terminal.ts";

const ALLOW_OR_DENY = [{ label: "allow" }, { label: "deny" }];

export function choicesFor(
  question: QuestionView,
): readonly { label: string; description?: string | undefined }[] {
  return question.choices.length === 0 && question.kind === "permission" ? ALLOW_OR_DENY : question.choices;
}

/** The question, what it is about, its numbered choices, and how to answer from elsewhere. */
export function questionLines(question: QuestionView): Line[] {
  const [head, ...rest] = linesOf(sanitize(question.question), "ask", 40, 0);
  const about =
    question.kind === "permission"
      ? [sanitizeLine(describeTool(question.toolName ?? "tool", question.toolInput))]
      : [];
  return [
    { tone: "ask", glyph: "?", text: head?.text ?? "The agent asks", note: question.shortId },
    ...rest.map((line): Line => ({ ...line, indent: 1 })),
    ...about.map((text): Line => ({ tone: "ask", glyph: "▸", text, indent: 1 })),
    ...choicesOf({ choices: choicesFor(question) }),
    { tone: "dim", glyph: "", text: answerCommand(question), indent: 1 },
  ];
}

/** The command that answers it; for a permission none that gives it by being copied without a thought. */
export function answerCommand(question: QuestionView): string {
  const command = `makima inbox answer ${question.shortId}`;
  if (question.kind === "permission") return `${command} deny    (or: allow)`;
  return `${command} ${choicesFor(question).length > 0 ? "1" : '"your answer"'}`;
}

/** What a typed answer means: a number chooses, a permission also takes y and n, anything else is the answer. */
export function readAnswer(typed: string, question: QuestionView): string | undefined {
  const text = typed.trim();
  if (text === "") return undefined;
  const choices = choicesFor(question);
  if (/^\d{1,3}$/.test(text) && choices.length > 0) return choices[Number(text) - 1]?.label;
  if (question.kind === "permission") {
    if (/^(?:y|yes|allow)$/i.test(text)) return "allow";
    if (/^(?:n|no|deny)$/i.test(text)) return "deny";
    return undefined;
  }
  return text;
}

/** The oldest open question of a task. */
export async function openQuestion(
  client: Client,
  taskId: string,
  signal: AbortSignal,
): Promise<QuestionView | undefined> {
  const page = await client.call(
    routes.listQuestions,
    { query: { taskId, status: "open", limit: 1 } },
    { signal },
  );
  return page.items[0];
}

/** Reads an answer from the terminal until it means something; undefined when the input ends. */
export async function askOnTerminal(
  question: QuestionView,
  signal: AbortSignal,
): Promise<string | undefined> {
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  // The reader takes Ctrl-C for itself: hand it on to whoever listens for it.
  reader.on("SIGINT", () => process.emit("SIGINT"));
  const ended = new AbortController();
  reader.once("close", () => ended.abort());
  const choices = choicesFor(question);
  const prompt =
    choices.length > 0
      ? `  your answer (1-${choices.length}${question.kind === "permission" ? "" : ", or text"}): `
      : "  your answer: ";
  try {
    for (;;) {
      const typed = await reader.question(prompt, { signal: AbortSignal.any([signal, ended.signal]) });
      const answer = readAnswer(typed, question);
      if (answer !== undefined) return answer;
    }
  } catch (error) {
    if (ended.signal.aborted || signal.aborted) return undefined;
    throw error;
  } finally {
    reader.close();
  }
}

/** Sends an answer; says in words who was quicker where another one already won. */
export async function sendAnswer(
  client: Client,
  question: QuestionView,
  answer: string,
): Promise<string | undefined> {
  try {
    await client.call(routes.answerQuestion, { params: { id: question.id }, body: { answer } });
    return undefined;
  } catch (error) {
    if (error instanceof ProblemError && (error.status === 409 || error.status === 404)) return error.message;
    throw error;
  }
}
