/** What a stream can show: colour, width, glyphs. And how hostile text is made safe to show. */
import type { TaskStatus } from "@makima/core/task";

type Env = Readonly<Record<string, string | undefined>>;

const STYLES = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
  magenta: [35, 39],
  cyan: [36, 39],
} as const;
export type Style = keyof typeof STYLES;

export interface Terminal {
  readonly isTty: boolean;
  /** Columns; 80 where the stream does not say. */
  readonly width: number;
  readonly colour: boolean;
  /** No spinners, no box characters, nothing that is redrawn. */
  readonly plain: boolean;
  paint(style: Style, text: string): string;
}

export interface StreamFacts {
  isTTY?: boolean | undefined;
  columns?: number | undefined;
}

/** Decides once, from the stream and the environment, how to write to it. */
export function terminalOf(stream: StreamFacts, env: Env, noColour = false): Terminal {
  const isTty = stream.isTTY === true;
  const colour = !noColour && wantsColour(isTty, env);
  const plain = !isTty || env["TERM"] === "dumb" || isOn(env["MAKIMA_ACCESSIBLE"]) || isOn(env["CI"]);
  return {
    isTty,
    get width() {
      return stream.columns && stream.columns > 0 ? stream.columns : 80;
    },
    colour,
    plain,
    paint(style, text) {
      if (!colour) return text;
      const [on, off] = STYLES[style];
      return `\u001b[${on}m${text}\u001b[${off}m`;
    },
  };
}

function wantsColour(isTty: boolean, env: Env): boolean {
  if (env["NO_COLOR"]) return false;
  const force = env["FORCE_COLOR"];
  if (force !== undefined) return force !== "0" && force !== "false";
  return isTty && env["TERM"] !== "dumb" && !isOn(env["CI"]);
}

function isOn(value: string | undefined): boolean {
  return value !== undefined && value !== "" && value !== "0" && value !== "false";
}

/** Sign, word and colour of a state: never the colour alone. */
export const TASK_SIGNS: Readonly<Record<TaskStatus, { glyph: string; style: Style }>> = {
  pending: { glyph: "○", style: "dim" },
  assigned: { glyph: "○", style: "cyan" },
  starting: { glyph: "●", style: "cyan" },
  running: { glyph: "●", style: "cyan" },
  paused: { glyph: "⏸", style: "yellow" },
  blocked: { glyph: "?", style: "yellow" },
  done: { glyph: "✔", style: "green" },
  failed: { glyph: "✖", style: "red" },
  interrupted: { glyph: "◌", style: "yellow" },
  cancelled: { glyph: "✖", style: "dim" },
};

export function paintStatus(terminal: Terminal, status: TaskStatus): string {
  const { glyph, style } = TASK_SIGNS[status];
  return terminal.paint(style, `${glyph} ${status}`);
}

// Whole sequences first (CSI, OSC/DCS/SOS/PM/APC with their text, two-byte escapes; also their 8-bit forms),
// then what control characters are left.
const SEQUENCES =
  // oxlint-disable-next-line no-control-regex
  /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]?|(?:\u001b[\]PX^_]|[\u009d\u0090\u0098\u009e\u009f])[^\u0007\u001b\u009c\n]*(?:\u0007|\u001b\\|\u009c)?|\u001b[ -/]*[0-~]?/g;
// oxlint-disable-next-line no-control-regex
const CONTROLS = /\r\n?|[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;
const INVISIBLE = /[\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]/gu;

/**
 * Text from an agent, a repository or a server, safe to write to a terminal: no control or escape sequence
 * is left but newline and tab; a lone carriage return becomes a newline; characters that change the direction
 * of text or hide are shown as `<U+202E>`.
 */
export function sanitize(text: string): string {
  return text
    .replaceAll(SEQUENCES, "")
    .replaceAll(CONTROLS, (control) => (control.startsWith("\r") ? "\n" : ""))
    .replaceAll(INVISIBLE, showCodePoint);
}

/** The same on one line: newlines and tabs become a space. */
export function sanitizeLine(text: string): string {
  return sanitize(text).replaceAll(/\s+/g, " ").trim();
}

function showCodePoint(character: string): string {
  // Emoji are joined with a zero-width joiner; that one hides nothing.
  if (character === "\u200d") return character;
  return `<U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}>`;
}
