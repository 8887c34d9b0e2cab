/** A line before it is printed: what it says and how it is meant, without colour, width or terminal. */

/** head: a new stage; plain: the agent's words; dim: side matters; the rest as they say. */
export type Tone = "head" | "plain" | "dim" | "good" | "bad" | "warn" | "ask";

export interface Line {
  tone: Tone;
  /** One character that carries the state without colour; empty: none. */
  glyph: string;
  /** One line, already safe for a terminal. */
  text: string;
  /** Shown at the end of the line: a duration, a cost. */
  note?: string;
  /** Steps of indentation. */
  indent?: number;
}

/** Splits safe text into lines, leaving out `more` that are too many and saying so. */
export function linesOf(text: string, tone: Tone, limit: number, indent = 1): Line[] {
  const all = text.split("\n").map((line) => line.trimEnd());
  while (all.length > 0 && all.at(-1) === "") all.pop();
  while (all.length > 0 && all[0] === "") all.shift();
  const shown = all.length > limit ? all.slice(0, Math.max(1, limit - 1)) : all;
  const lines: Line[] = shown.map((line) => ({ tone, glyph: "", text: line, indent }));
  const left = all.length - shown.length;
  if (left > 0) lines.push({ tone: "dim", glyph: "", text: `… ${left} more lines`, indent });
  return lines;
}

/** The last `limit` lines, for output where the end tells most. */
export function tailOf(text: string, tone: Tone, limit: number, indent = 1): Line[] {
  const all = text.split("\n").map((line) => line.trimEnd());
  while (all.length > 0 && all.at(-1) === "") all.pop();
  while (all.length > 0 && all[0] === "") all.shift();
  const shown = all.slice(-limit);
  const lines: Line[] = shown.map((line) => ({ tone, glyph: "", text: line, indent }));
  const left = all.length - shown.length;
  if (left > 0) lines.unshift({ tone: "dim", glyph: "", text: `… ${left} lines before`, indent });
  return lines;
}
