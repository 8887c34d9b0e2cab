/** Figures in words, the same everywhere: durations, ages, money, tokens, states, and words for a shell. */
import type { TaskStatus } from "@makima/core/task";
import type { ContractStatus } from "@makima/core/contract";
import { TASK_SIGNS } from "./terminal.ts";

/** `0.4s`, `18.4s`, `3m 12s`, `1h 5m`. Takes milliseconds. */
export function durationWords(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 59.95) return `${seconds.toFixed(1)}s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${whole % 60}s`;
  return `${Math.floor(whole / 3600)}h ${Math.floor((whole % 3600) / 60)}m`;
}

/** How long ago, in one unit: `8s`, `11m`, `1h`, `3d`. Takes milliseconds. */
export function ageWords(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}

/** US dollars: `$4.20`, `$0.00`, and `<$0.01` for what would look like nothing. */
export function moneyWords(usd: number): string {
  if (usd > 0 && usd < 0.005) return "<$0.01";
  return `$${usd.toFixed(2)}`;
}

/** `812`, `340k`, `1.9M`. */
export function countWords(n: number): string {
  if (n < 1000) return String(n);
  if (n < 999_500) return `${(n / 1000).toFixed(n < 9_950 ? 1 : 0)}k`;
  return `${(n / 1_000_000).toFixed(1)}M`;
}

/** `1 file`, `3 files`. */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}

/** `contract`'s signs; a task's stand in terminal.ts. */
const CONTRACT_GLYPHS = {
  created: "○",
  active: "●",
  waiting_for_input: "?",
  paused: "⏸",
  blocked: "?",
  completing: "●",
  completed: "✔",
  failed: "✖",
  archived: "–",
} as const satisfies Record<ContractStatus, string>;

/** State as sign and word, never by colour alone: `● active`, `? waiting for input`. */
export function contractStatusWords(status: ContractStatus): string {
  return `${CONTRACT_GLYPHS[status]} ${status.replaceAll("_", " ")}`;
}

/** The same of a task. */
export function taskStatusWords(status: TaskStatus): string {
  return `${TASK_SIGNS[status].glyph} ${status}`;
}

/** A commit as people write it. */
export function shortCommit(commit: string): string {
  return commit.slice(0, 10);
}

// Control, format and separator characters: a terminal must not see them, and a name may hold them all the same.
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/**
 * One word for a shell: left as it is where that is safe, else in single quotes; with characters that cannot be
 * shown, spelled out as bash and zsh read them (`$'a\nb'`). Safe to write to a terminal.
 */
export function shellWord(word: string): string {
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word)) return word;
  if (!UNSEEN.test(word)) return `'${word.replaceAll("'", String.raw`'\''`)}'`;
  const spelled = Array.from(word, (character) => {
    if (character === "'" || character === "\\") return `\\${character}`;
    if (!UNSEEN.test(character)) return character;
    const code = character.codePointAt(0) ?? 0;
    if (character === "\n") return String.raw`\n`;
    return code < 0x80
      ? `\\x${code.toString(16).padStart(2, "0")}`
      : `\\U${code.toString(16).padStart(8, "0")}`;
  });
  return `$'${spelled.join("")}'`;
}

/** Cuts `text` to `width` characters (code points), the last an ellipsis. */
export function cut(text: string, width: number): string {
  if (text.length <= width) return text;
  const points = Array.from(text.slice(0, width * 2 + 2));
  return points.length <= width && text.length <= width * 2
    ? text
    : `${points.slice(0, Math.max(0, width - 1)).join("")}…`;
}
