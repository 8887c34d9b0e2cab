/** How a followed task is shown: to a person line by line, to a program as one JSON object a line. */
import type { SocketState } from "@makima/client/socket";
import type { QuestionView } from "@makima/protocol/api/mesh";
import type { TaskView } from "@makima/protocol/api/task-schema";
import type { HistoryEntry } from "@makima/protocol/history";
import type { Output } from "../output.ts";
import type { Line, Tone } from "../print/line.ts";
import { createLive } from "../print/live.ts";
import { summaryLines, type SummaryFacts } from "../print/summary.ts";
import { sanitizeLine } from "../print/terminal.ts";
import { questionLines } from "./questions.ts";

export interface Started {
  contractId: string | null;
  contractShortId: string | undefined;
  taskId: string;
  taskShortId: string;
  repository: string;
  baseBranch: string;
  branch: string;
  agent: "claude" | "sim";
  simulated: boolean;
  uncommittedFiles: number;
  server: string;
}

export interface RunView extends Disposable {
  started(facts: Started, about: Line[]): void;
  entries(items: readonly HistoryEntry[]): void;
  task(task: TaskView): void;
  question(question: QuestionView): void;
  note(text: string, tone?: Tone): void;
  connection(state: SocketState): void;
  /** The summary and, for a person, what a demo says beside it. */
  ended(facts: SummaryFacts, more: Line[]): void;
  /** Takes away what is redrawn, while a person types. */
  hush(): void;
}

export function viewFor(out: Output, now: () => number): RunView {
  return out.json ? programView(out) : personView(out, now);
}

function programView(out: Output): RunView {
  let taskId = "";
  let shown = "";
  return {
    started(facts) {
      taskId = facts.taskId;
      out.value({ type: "started", ...facts });
    },
    entries(items) {
      for (const entry of items) out.value({ type: "entry", taskId, ...entry });
    },
    task(task) {
      const { status, waitingOn, blockedBy, blockedDetail, wakeAt, iteration, maxIterations, usage } = task;
      const facts = { status, waitingOn, blockedBy, blockedDetail, wakeAt, iteration, maxIterations };
      const event = { type: "task", taskId: task.id, ...facts, costUsd: usage.costUsd };
      const text = JSON.stringify(event);
      if (text !== shown) out.value(event);
      shown = text;
    },
    question: (question) => out.value({ type: "question", taskId, question }),
    note: (text) => out.value({ type: "note", taskId, text }),
    connection(state) {
      if (state.type === "waiting")
        out.value({ type: "connection", taskId, state: "lost", reason: state.reason });
    },
    ended: ({ result }) => out.value(result),
    hush() {},
    [Symbol.dispose]() {},
  };
}

function personView(out: Output, now: () => number): RunView {
  const live = createLive({ terminal: out.terminal, write: (text) => out.line(text, ""), now });
  let lost = false;
  let waiting = "";
  let slow: NodeJS.Timeout | undefined;
  /** A question's entry, until the question itself is shown in its place. */
  let held: HistoryEntry | undefined;
  const release = () => {
    if (held) live.entry(held);
    held = undefined;
  };
  const say = (text: string, tone: Tone, glyph: string) =>
    live.print({ tone, glyph, text: sanitizeLine(text) });
  return {
    started: (_, about) => live.print(...about),
    entries(items) {
      for (const entry of items) {
        release();
        if (ASKS.has(entry.messageType)) held = entry;
        else live.entry(entry);
      }
    },
    task(task) {
      live.task(task);
      const why = waitWords(task);
      if (why === waiting) return;
      waiting = why;
      clearTimeout(slow);
      // Each task waits a moment to be placed; that is not worth a line.
      if (why !== "") slow = setTimeout(() => say(why, "warn", "○"), NOTICED_MS).unref();
    },
    question(question) {
      held = undefined;
      live.print(...questionLines(question));
    },
    note: (text, tone = "dim") => say(text, tone, tone === "dim" ? "·" : "!"),
    connection(state) {
      if (state.type === "waiting" && !lost) {
        lost = true;
        say(
          `The connection to the server broke (${state.reason}); the work goes on, trying again`,
          "warn",
          "!",
        );
      } else if (state.type === "open" && lost) {
        lost = false;
        say("Connected again", "dim", "·");
      }
    },
    ended(facts, more) {
      clearTimeout(slow);
      release();
      live[Symbol.dispose]();
      live.print(...summaryLines(facts), ...more);
    },
    hush: () => live.hush(),
    [Symbol.dispose]() {
      clearTimeout(slow);
      live[Symbol.dispose]();
    },
  };
}

const NOTICED_MS = 3000;
/** Entries that a question is announced with. */
export const ASKS: ReadonlySet<HistoryEntry["messageType"]> = new Set([
  "supervisor_question",
  "permission_request",
]);

/** Why nothing happens right now, where that is not clear from the history. */
function waitWords(task: TaskView): string {
  if (task.status === "pending" && task.waitingOn) return `Waiting: ${task.waitingOn}`;
  if (task.status !== "blocked" || task.wakeAt === null) return "";
  const why = task.blockedDetail ?? task.blockedBy ?? "";
  return `Blocked: ${why}. It goes on by itself at ${task.wakeAt}; Ctrl-C pauses it`;
}
