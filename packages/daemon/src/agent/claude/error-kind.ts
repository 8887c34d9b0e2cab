/** Claude Code's word for an error → makima's class. */
import { kindOfText, kindOfWord } from "@makima/core/classify";
import type { ErrorKind } from "@makima/core/task";
import type { ParserState } from "./shape.ts";

/**
 * `word` is the `error` of an assistant message, `text` what it says. The word alone is too coarse: 529 is
 * called "server_error", and "rate_limit" is both a plan that is used up and a server that is busy.
 */
export function errorKind(word: string, text: string, state: Pick<ParserState, "planLimit">): ErrorKind {
  if (word === "rate_limit" && state.planLimit && kindOfText(text) !== "overloaded") return "usage_limit";
  return kindOfWord(word, text);
}
