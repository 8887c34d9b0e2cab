/**
 * A task's history folded into lines. Pure: the fold takes its state and one entry and gives the next state and
 * the lines that are now due. A tool call is one line, due when its result is there (or when the agent will
 * not give one any more).
 */
import type { HistoryEntry } from "@makima/protocol/history";
import { describeTool } from "./describe-tool.ts";
import { linesOfEntry, withoutStack, type FoldOptions } from "./format-entry.ts";
import { linesOf, tailOf, type Line } from "./line.ts";
import { sanitize, sanitizeLine } from "./terminal.ts";
import { cut, durationWords } from "./words.ts";

interface OpenCall {
  toolName: string;
  text: string;
  at: number;
}

export interface FoldState {
  /** Tool calls without a result yet, oldest first. */
  open: readonly OpenCall[];
  /** What the agent does now, for a line that is redrawn. */
  doing: string;
  iteration: number;
  maxIterations: number;
  /** The next message to the agent is makima's prompt, not a person's words. */
  promptDue: boolean;
  /** The newest verdict, error or change of state: what only repeats it is not shown again. */
  said: string;
}

export const FOLD_START: FoldState = {
  open: [],
  doing: "",
  iteration: 0,
  maxIterations: 0,
  promptDue: true,
  said: "",
};

/** Calls that are kept open at most: an agent that never tells results must not fill memory. */
const MOST_OPEN = 64;

export interface Folded {
  state: FoldState;
  lines: Line[];
}

export function foldEntry(state: FoldState, entry: HistoryEntry, options: FoldOptions): Folded {
  if (entry.isPartial && !SHOWN_IN_PARTS.has(entry.messageType)) return { state, lines: [] };
  if (entry.messageType === "tool_use") return toolCalled(state, entry, options);
  if (entry.messageType === "tool_result") return toolAnswered(state, entry, options);
  if (entry.messageType === "user" && state.promptDue) {
    return { state: { ...state, promptDue: false }, lines: options.full ? linesOfEntry(entry, options) : [] };
  }
  if (REASONS.has(entry.messageType) && !options.full && repeats(state, entry)) return { state, lines: [] };
  if (!ENDS_CALLS.has(entry.messageType)) {
    return { state: noted(state, entry), lines: linesOfEntry(entry, options) };
  }
  const { state: closed, lines } = closeCalls(state, "no result");
  return { state: noted(closed, entry), lines: [...lines, ...linesOfEntry(entry, options)] };
}

/** Verdict, error and change of state often give one reason three times. */
function repeats(state: FoldState, entry: HistoryEntry): boolean {
  const reason = entry.messageType === "state" ? entry.content.replace(/^[^:]*: /, "") : entry.content;
  return reason.length > 3 && state.said.includes(reason);
}

/** Lines for the calls that have no result yet, with `note` saying so. */
export function closeCalls(state: FoldState, note: string): Folded {
  const lines = state.open
    .filter((call) => !ASKED_ELSEWHERE.has(call.toolName))
    .map((call): Line => ({ tone: "warn", glyph: "▸", text: call.text, note, indent: 1 }));
  return { state: { ...state, open: [], doing: "" }, lines };
}

/** Tools whose call is a question to the person, which has lines of its own. */
const ASKED_ELSEWHERE: ReadonlySet<string> = new Set(["AskUserQuestion"]);
const REASONS = new Set<HistoryEntry["messageType"]>(["error", "state", "result"]);
const SHOWN_IN_PARTS = new Set<HistoryEntry["messageType"]>(["raw", "stderr", "setup"]);
const ENDS_CALLS = new Set<HistoryEntry["messageType"]>(["iteration", "gate", "result", "state", "error"]);

function toolCalled(state: FoldState, entry: HistoryEntry, { root }: FoldOptions): Folded {
  const toolName = sanitizeLine(entry.toolName ?? "tool");
  const text = sanitizeLine(describeTool(toolName, safeInput(entry.toolInput), root));
  const open = [...state.open, { toolName, text, at: Date.parse(entry.at) }];
  const lines: Line[] =
    open.length > MOST_OPEN ? [{ tone: "dim", glyph: "▸", text: open.shift()?.text ?? "", indent: 1 }] : [];
  return { state: { ...state, open, doing: text }, lines };
}

function toolAnswered(state: FoldState, entry: HistoryEntry, options: FoldOptions): Folded {
  const name = entry.toolName === undefined ? undefined : sanitizeLine(entry.toolName);
  const found = name === undefined ? -1 : state.open.findIndex((call) => call.toolName === name);
  const at = found === -1 ? 0 : found;
  const call = state.open[at];
  const open = state.open.filter((_, index) => index !== at);
  const took = entry.durationMs ?? (call ? Math.max(0, Date.parse(entry.at) - call.at) : undefined);
  const failed = entry.isError === true;
  const next: FoldState = { ...state, open, doing: open.at(-1)?.text ?? "" };
  if (call && !failed && ASKED_ELSEWHERE.has(call.toolName)) return { state: next, lines: [] };
  const line: Line = {
    tone: failed ? "bad" : "dim",
    glyph: failed ? "✖" : "▸",
    text: call?.text ?? name ?? "tool",
    indent: 1,
  };
  if (took !== undefined && Number.isFinite(took)) line.note = durationWords(took);
  const content = sanitize(entry.content);
  const more = failed
    ? tailOf(withoutStack(content), "bad", 8, 2)
    : options.full
      ? linesOf(content, "dim", 1000, 2)
      : [];
  return { state: next, lines: [line, ...more] };
}

/** What an entry changes beside its own lines. */
function noted(before: FoldState, entry: HistoryEntry): FoldState {
  const says = entry.messageType === "gate" || REASONS.has(entry.messageType);
  const state = says ? { ...before, said: entry.content } : before;
  if (entry.messageType === "iteration") {
    const told = /(\d+)\s*(?:\/|of)\s*(\d+)/.exec(entry.content);
    if (!told) return state;
    return {
      ...state,
      iteration: Number(told[1]),
      maxIterations: Number(told[2]),
      doing: "",
      promptDue: true,
    };
  }
  if (entry.messageType === "setup") return { ...state, doing: cut(sanitizeLine(entry.content), 80) };
  return state.open.length > 0 ? state : { ...state, doing: "" };
}

/** An input that is far too large to describe is not walked through. */
function safeInput(input: unknown): unknown {
  return typeof input === "string" ? input.slice(0, 4000) : input;
}
