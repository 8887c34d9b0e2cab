/**
 * Counts simulated tokens and dollars as claude reports them: total_cost_usd and modelUsage over the life of
 * the process, usage over a turn. The figures are made from the lengths of texts (4 characters a token), so
 * that the same script costs the same each time; the `usage` step sets those of the next call.
 */
import type { StepValue } from "./script.ts";

export interface Tokens {
  input: number;
  output: number;
  cacheRead: number;
  cacheCreation: number;
}

/** US dollars a token, of the order of a large model's list price. */
const PRICE: Tokens = { input: 5e-6, output: 25e-6, cacheRead: 0.5e-6, cacheCreation: 6.25e-6 };
const SYSTEM_PROMPT_TOKENS = 1200;

export const tokensOf = (text: string): number => Math.ceil(text.length / 4);
const nothing = (): Tokens => ({ input: 0, output: 0, cacheRead: 0, cacheCreation: 0 });

export class Ledger {
  turn = nothing();
  contextWindow = 200_000;
  readonly process = nothing();
  costUsd = 0;
  apiMs = 0;
  #given: StepValue<"usage"> | undefined;
  #unread = 0;

  /** A new turn begins with so much new text in front of the model. */
  startTurn(message: string): void {
    this.turn = nothing();
    this.#unread = tokensOf(message);
  }

  /** New text that the next call reads, such as a tool's result. */
  add(text: string): void {
    this.#unread += tokensOf(text);
  }

  setNext(usage: StepValue<"usage">): void {
    this.#given = usage;
    if (usage.contextWindow !== undefined) this.contextWindow = usage.contextWindow;
  }

  /** What the next call reads, given what the history holds. */
  open(contextTokens: number): Tokens {
    return {
      input: this.#given?.inputTokens ?? this.#unread,
      output: 1,
      cacheRead: this.#given?.cacheReadInputTokens ?? contextTokens,
      cacheCreation:
        this.#given?.cacheCreationInputTokens ?? (contextTokens === 0 ? SYSTEM_PROMPT_TOKENS : 0),
    };
  }

  /** Books a call; gives the tokens that the history now holds. */
  close(read: Tokens, writtenText: string): number {
    const call = { ...read, output: this.#given?.outputTokens ?? tokensOf(writtenText) };
    for (const kind of ["input", "output", "cacheRead", "cacheCreation"] as const) {
      this.turn[kind] += call[kind];
      this.process[kind] += call[kind];
      this.costUsd += call[kind] * PRICE[kind];
    }
    this.#given = undefined;
    this.#unread = 0;
    this.apiMs += 10 + call.output;
    return call.input + call.cacheRead + call.cacheCreation + call.output;
  }
}
