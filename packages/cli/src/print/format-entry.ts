/**
 * Entries of a task's history as lines to read. Pure: the fold takes its state and one entry and gives the
 * next state and the lines that are now due. A tool call is one line, due when its result is there (or when
 * the agent will not give one any more); whatever an agent, a tool or a repository wrote is made safe first.
 */
import { evidenceSchema } from "@makima/protocol/gate";
import type { HistoryEntry } from "@makima/protocol/history";
import { describeTool } from "./describe-tool.ts";
import { evidenceWords } from "./evidence.ts";
import { linesOf, tailOf, type Line } from "./line.ts";
import { sanitize, sanitizeLine } from "./terminal.ts";
import { cut, durationWords, moneyWords } from "./words.ts";

export interface FoldOptions {
  /** Show all of what is else cut or left out: long texts, thoughts, output of tools. */
  full: boolean;
}

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
}

export const FOLD_START: FoldState = { open: [], doing: "", iteration: 0, maxIterations: 0 };

/** Calls that are kept open at most: an agent that never tells results must not fill memory. */
const MOST_OPEN = 64;
const GATE_BLOCK = /<COMPLETION_GATE>[\s\S]*?(?:<\/COMPLETION_GATE>|$)/gi;

export interface Folded {
  state: FoldState;
  lines: Line[];
}

export function foldEntry(state: FoldState, entry: HistoryEntry, options: FoldOptions): Folded {
  if (entry.isPartial && !SHOWN_IN_PARTS.has(entry.messageType)) return { state, lines: [] };
  if (entry.messageType === "tool_use") return toolCalled(state, entry);
  if (entry.messageType === "tool_result") return toolAnswered(state, entry, options);
  if (!ENDS_CALLS.has(entry.messageType)) {
    return { state: noted(state, entry), lines: linesOfEntry(entry, options) };
  }
  const { state: closed, lines } = closeCalls(state);
  return { state: noted(closed, entry), lines: [...lines, ...linesOfEntry(entry, options)] };
}

/** Lines for the calls that never got a result, e.g. at the end of what there is. */
export function closeCalls(state: FoldState): Folded {
  const lines = state.open.map((call): Line => ({
    tone: "warn",
    glyph: "▸",
    text: call.text,
    note: "no result",
    indent: 1,
  }));
  return { state: { ...state, open: [], doing: "" }, lines };
}

const SHOWN_IN_PARTS = new Set<HistoryEntry["messageType"]>(["raw", "stderr", "setup"]);
const ENDS_CALLS = new Set<HistoryEntry["messageType"]>(["iteration", "gate", "result", "state", "error"]);

function toolCalled(state: FoldState, entry: HistoryEntry): Folded {
  const toolName = sanitizeLine(entry.toolName ?? "tool");
  const text = sanitizeLine(describeTool(toolName, safeInput(entry.toolInput)));
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
  const line: Line = {
    tone: failed ? "bad" : "dim",
    glyph: failed ? "✖" : "▸",
    text: call?.text ?? name ?? "tool",
    indent: 1,
  };
  if (took !== undefined && Number.isFinite(took)) line.note = durationWords(took);
  const content = sanitize(entry.content);
  const more = failed ? tailOf(content, "bad", 8, 2) : options.full ? linesOf(content, "dim", 1000, 2) : [];
  return { state: { ...state, open, doing: open.at(-1)?.text ?? "" }, lines: [line, ...more] };
}

/** Changes of state on the way to work, which the work itself shows. */
const ROUTINE = /^(?:created\b.*|[a-z]+(?: → (?:pending|assigned|starting|running))+)$/;

/** What an entry changes beside its own lines. */
function noted(state: FoldState, entry: HistoryEntry): FoldState {
  if (entry.messageType === "iteration") {
    const told = /(\d+)\s*(?:\/|of)\s*(\d+)/.exec(entry.content);
    if (!told) return state;
    return { ...state, iteration: Number(told[1]), maxIterations: Number(told[2]), doing: "" };
  }
  if (entry.messageType === "setup") return { ...state, doing: cut(sanitizeLine(entry.content), 80) };
  return state.open.length > 0 ? state : { ...state, doing: "" };
}

/** Lines of every kind but tool calls. */
export function linesOfEntry(entry: HistoryEntry, { full }: FoldOptions): Line[] {
  const text = sanitize(entry.content);
  const many = full ? 100_000 : 12;
  const one = (tone: Line["tone"], glyph: string, indent = 1): Line[] => {
    const [head, ...rest] = linesOf(text, tone, full ? many : 4, indent);
    if (!head) return [];
    return [withFigures({ ...head, glyph }, entry), ...rest.map((line) => ({ ...line, indent: indent + 1 }))];
  };
  switch (entry.messageType) {
    case "assistant":
      return linesOf(
        text.replaceAll(GATE_BLOCK, "").trim(),
        entry.toolName === undefined ? "plain" : "dim",
        many,
      );
    case "thinking":
    case "usage":
      return full ? linesOf(text, "dim", many) : [];
    case "system":
      return entry.isError ? one("bad", "✖") : full ? linesOf(text, "dim", many) : [];
    case "user":
      return one("dim", "›");
    case "raw":
    case "setup":
      return linesOf(text, "dim", full ? many : 4);
    case "stderr":
      return linesOf(text, "warn", full ? many : 4);
    case "iteration":
      return one("head", "", 0);
    case "gate": {
      const { tone, glyph } = gateSign(text);
      return one(tone, glyph, 0);
    }
    case "check":
      return checkLines(entry, text, full);
    case "checkpoint":
      return one("dim", "✎");
    case "supervisor_question":
    case "permission_request":
      return [...one("ask", "?", 0), ...choicesOf(entry.toolInput)];
    case "answer":
      return one("good", "›", 0);
    case "result":
      return entry.isError ? one("bad", "✖") : full ? one("dim", "·") : [];
    case "state":
      return full || !ROUTINE.test(text) ? one(entry.isError ? "bad" : "dim", "·", 0) : [];
    case "notice":
      return one(entry.isError ? "bad" : "dim", "!");
    case "error":
      return one("bad", "✖", 0);
    case "tool_use":
      return [
        {
          tone: "dim",
          glyph: "▸",
          text: sanitizeLine(describeTool(entry.toolName, entry.toolInput)),
          indent: 1,
        },
      ];
    case "tool_result":
      return one(entry.isError ? "bad" : "dim", entry.isError ? "✖" : "·", 2);
  }
}

/** The verdict on an iteration, by its beginning: what follows may be the agent's own words. */
function gateSign(text: string): { tone: Line["tone"]; glyph: string } {
  const verdict = text.replace(/^\[[^\]\n]*\] /, "");
  if (verdict.startsWith("done: ")) return { tone: "good", glyph: "✔" };
  if (verdict.startsWith("failed: ")) return { tone: "bad", glyph: "✖" };
  return { tone: "warn", glyph: verdict.startsWith("done, unverified") ? "○" : "↻" };
}

/** A check: its verdict and what was run on one line; what it printed, where it failed. */
function checkLines(entry: HistoryEntry, text: string, full: boolean): Line[] {
  const told = evidenceSchema.safeParse(entry.toolInput);
  if (!told.success) {
    const [head = "", ...rest] = text.split("\n");
    const tone = entry.isError ? "bad" : /\bunverified\b/i.test(head) ? "warn" : "good";
    const glyph = entry.isError ? "✖" : tone === "warn" ? "○" : "✔";
    const more = entry.isError ? tailOf(rest.join("\n"), "bad", full ? 10_000 : 10, 2) : [];
    return [withFigures({ tone, glyph, text: head.trim(), indent: 1 }, entry), ...more];
  }
  const evidence = told.data;
  const remarks = (evidence.remarks ?? []).map((remark): Line => ({
    tone: "warn",
    glyph: "!",
    text: sanitizeLine(remark),
    indent: 2,
  }));
  const output = sanitize(evidence.outputTail ?? "");
  const failed = evidence.verdict === "failed";
  const more = full ? linesOf(output, "dim", 10_000, 2) : failed ? tailOf(output, "bad", 10, 2) : [];
  return [{ glyph: "", indent: 1, ...evidenceWords(evidence) }, ...remarks, ...more];
}

function withFigures(line: Line, entry: HistoryEntry): Line {
  const notes = [];
  if (entry.durationMs !== undefined) notes.push(durationWords(entry.durationMs));
  if (entry.costUsd !== undefined) notes.push(moneyWords(entry.costUsd));
  return notes.length > 0 ? { ...line, note: notes.join(" · ") } : line;
}

/** Numbered choices of a question, where its entry carries them as the API tells of it. */
export function choicesOf(toolInput: unknown): Line[] {
  const choices = (toolInput as { choices?: unknown } | null | undefined)?.choices;
  if (!Array.isArray(choices)) return [];
  return choices.slice(0, 20).flatMap((choice: unknown, index): Line[] => {
    const { label, description } = (typeof choice === "string" ? { label: choice } : (choice ?? {})) as {
      label?: unknown;
      description?: unknown;
    };
    if (typeof label !== "string") return [];
    const about = typeof description === "string" && description !== "" ? ` — ${description}` : "";
    return [{ tone: "ask", glyph: "", text: `${index + 1}  ${sanitizeLine(label + about)}`, indent: 2 }];
  });
}

/** An input that is far too large to describe is not walked through. */
function safeInput(input: unknown): unknown {
  return typeof input === "string" ? input.slice(0, 4000) : input;
}
