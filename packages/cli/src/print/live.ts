/**
 * Work as it happens: lines as they are due and, on a terminal that can redraw, one line below them that
 * says what goes on right now. The lines are data; what is written here is nothing but them.
 */
import type { TaskView } from "@makima/protocol/api/task-schema";
import type { HistoryEntry } from "@makima/protocol/history";
import { closeCalls, FOLD_START, foldEntry, type FoldState } from "./fold-entries.ts";
import type { Line, Tone } from "./line.ts";
import { sanitizeLine, type Style, type Terminal } from "./terminal.ts";
import { cut, durationWords, moneyWords } from "./words.ts";

const STYLES: Readonly<Record<Tone, Style | undefined>> = {
  head: "bold",
  plain: undefined,
  dim: "dim",
  good: "green",
  bad: "red",
  warn: "yellow",
  ask: "magenta",
};

/** Sign of a folded tool call: one line, however long its command is. */
const FOLDED = "▸";

/** A line as it is written, without its end. Notes stand behind two spaces; a terminal cuts folded lines. */
export function renderLine(line: Line, terminal: Terminal): string {
  const lead = "  ".repeat(line.indent ?? 0) + (line.glyph === "" ? "" : `${line.glyph} `);
  const note = line.note === undefined ? "" : `  ${line.note}`;
  const room = terminal.width - lead.length - note.length - 1;
  const mayCut = terminal.isTty && line.glyph === FOLDED && room > 20;
  const text = mayCut ? cut(line.text, room) : line.text;
  const style = STYLES[line.tone];
  const body = style === undefined ? lead + text : terminal.paint(style, lead + text);
  return note === "" ? body.trimEnd() : body + terminal.paint("dim", note);
}

export interface LiveOptions {
  terminal: Terminal;
  write: (text: string) => void;
  /** Milliseconds, for the time that the status line shows. */
  now: () => number;
  full?: boolean;
}

export interface Live extends Disposable {
  entry(entry: HistoryEntry): void;
  /** The task as it is now; shown in the status line only. */
  task(task: TaskView): void;
  /** Lines that are not history: notes, questions, hints. */
  print(...lines: Line[]): void;
  /** Takes the status line away, e.g. while a person types; the next call brings it back. */
  hush(): void;
}

const CLEAR = "\r\u001b[2K";

export function createLive({ terminal, write, now, full = false }: LiveOptions): Live {
  let state: FoldState = FOLD_START;
  let task: TaskView | undefined;
  let quiet = false;
  let drawn = "";
  let over = false;
  const started = now();
  const redraws = terminal.isTty && !terminal.plain;
  const timer = redraws ? setInterval(() => draw(), 500) : undefined;
  timer?.unref();

  function print(...lines: Line[]): void {
    if (lines.length === 0) return;
    const text = lines.map((line) => `${renderLine(line, terminal)}\n`).join("");
    write(drawn === "" ? text : CLEAR + text);
    drawn = "";
    draw();
  }

  function draw(): void {
    if (!redraws || quiet || over) return;
    const text = cut(statusLine(state, task, now() - started), terminal.width - 1);
    if (text === drawn) return;
    write(CLEAR + terminal.paint("dim", text));
    drawn = text;
  }

  function hush(): void {
    quiet = true;
    if (drawn !== "") write(CLEAR);
    drawn = "";
  }

  return {
    entry(entry) {
      quiet = false;
      const folded = foldEntry(state, entry, { full, root: task?.worktreePath ?? undefined });
      state = folded.state;
      print(...folded.lines);
    },
    task(next) {
      task = next;
      draw();
    },
    print(...lines) {
      quiet = false;
      print(...lines);
    },
    hush,
    [Symbol.dispose]() {
      if (over) return;
      over = true;
      clearInterval(timer);
      const { lines } = closeCalls(state, "still open");
      print(...lines);
      hush();
    },
  };
}

/** `● running · iteration 2/10 · Bash  npm test · 38.0s · $0.12` */
export function statusLine(state: FoldState, task: TaskView | undefined, elapsedMs: number): string {
  const parts = [task ? `● ${sanitizeLine(statusOf(task))}` : "● waiting"];
  const iteration = Math.max(state.iteration, task?.iteration ?? 0);
  const most = task?.maxIterations ?? state.maxIterations;
  if (iteration > 0 && task?.autonomousLoop !== false) parts.push(`iteration ${iteration}/${most}`);
  if (state.doing !== "") parts.push(state.doing);
  parts.push(durationWords(elapsedMs));
  const cost = task?.usage.costUsd ?? 0;
  if (cost > 0) parts.push(moneyWords(cost) + (task?.agent === "sim" ? " simulated" : ""));
  return parts.join(" · ");
}

function statusOf(task: TaskView): string {
  if (task.pauseRequested) return "pausing";
  if (task.status === "pending" && task.waitingOn) return `waiting: ${task.waitingOn}`;
  if (task.status === "blocked") return `blocked: ${task.blockedDetail ?? task.blockedBy ?? ""}`;
  return task.status;
}
