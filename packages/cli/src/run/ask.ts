/** Questions of a followed task: found when its history tells of one, answered here where somebody can type. */
import { ServerUnreachable } from "@makima/client/client-error";
import type { Client } from "@makima/client/rest";
import { sleep } from "@makima/client/sleep";
import type { QuestionView } from "@makima/protocol/api/mesh";
import { askOnTerminal, openQuestion, sendAnswer } from "./questions.ts";
import type { RunView } from "./view.ts";

export interface AskOptions {
  client: () => Client;
  taskId: string;
  view: RunView;
  /** Whether somebody can type an answer. */
  canAsk: boolean;
  /** Ends everything, quietly. */
  signal: AbortSignal;
  /** Nobody here answers: the question waits. */
  onUnanswered: (question: QuestionView) => void;
  onError: (error: unknown) => void;
}

export interface Asker {
  /** Looks for an open question, and a while longer for one that has been told of and is not there yet. */
  look(told: boolean): void;
  /** Takes the prompt away: it was answered elsewhere, or no answer is wanted any more. */
  dismiss(): void;
}

/** A question's entry may be seen a moment before the question itself. */
const TRIES = 20;
const WAIT_MS = 250;

export function createAsker(options: AskOptions): Asker {
  const { view, signal } = options;
  let looking = false;
  let prompt: AbortController | undefined;

  async function find(tries: number): Promise<QuestionView | undefined> {
    for (let n = 1; ; n += 1) {
      try {
        const question = await openQuestion(options.client(), options.taskId, signal);
        if (question) return question;
      } catch (error) {
        // The server comes back, or following ends with what it said.
        if (!(error instanceof ServerUnreachable)) throw error;
      }
      if (n >= tries) return undefined;
      await sleep(WAIT_MS, signal);
    }
  }

  async function handle(tries: number): Promise<void> {
    const question = await find(tries);
    if (!question) return;
    view.question(question);
    if (!options.canAsk) return options.onUnanswered(question);
    view.hush();
    prompt = new AbortController();
    const answer = await askOnTerminal(question, AbortSignal.any([prompt.signal, signal]));
    if (answer !== undefined) {
      const lost = await sendAnswer(options.client(), question, answer);
      if (lost !== undefined) view.note(lost, "warn");
    } else if (!prompt.signal.aborted && !signal.aborted) options.onUnanswered(question);
  }

  return {
    look(told) {
      if (looking || signal.aborted) return;
      looking = true;
      handle(told ? TRIES : 1)
        .catch((error: unknown) => {
          if (!signal.aborted) options.onError(error);
        })
        .finally(() => {
          looking = false;
        });
    },
    dismiss: () => prompt?.abort(),
  };
}
