/** One entry of a task's history as lines to read. Whatever an agent, a tool or a repository wrote is made safe. */
import { evidenceSchema } from "@makima/protocol/gate";
import type { HistoryEntry } from "@makima/protocol/history";
import { describeTool } from "./describe-tool.ts";
import { evidenceWords } from "./evidence.ts";
import { linesOf, tailOf, type Line } from "./line.ts";
import { sanitize, sanitizeLine } from "./terminal.ts";
import { durationWords, moneyWords } from "./words.ts";

export interface FoldOptions {
  /** Show all of what is else cut or left out: long texts, thoughts, output of tools. */
  full: boolean;
  /** Folder of the worktree: paths in it are shown from there. */
  root?: string | undefined;
}

/** What claude says of itself when it was interrupted. */
const DIAGNOSTIC = /^\[ede_diagnostic\][^\n]*$/;
const GATE_BLOCK = /<COMPLETION_GATE>[\s\S]*?(?:<\/COMPLETION_GATE>|$)/gi;

/** Changes of state on the way to work and to its end, which the work itself shows. */
const ROUTINE =
  /^(?:created\b.*|[a-z]+(?: → (?:assigned|starting|running))+(?:: .*)?|[a-z]+ → (?:pending|done))$/;

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
      if (!entry.isError) return full ? one("dim", "·") : [];
      return full || !DIAGNOSTIC.test(text) ? one("bad", "✖") : [];
    case "state":
      return full || !ROUTINE.test(text) ? one(entry.isError ? "bad" : "dim", "·", 0) : [];
    case "notice":
      // What the agent's program tells of itself carries data; what makima notices has words only.
      if (!full && entry.toolInput !== undefined && !entry.isError) return [];
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
  const more = full
    ? linesOf(output, "dim", 10_000, 2)
    : failed
      ? tailOf(withoutStack(output), "bad", 10, 2)
      : [];
  return [{ glyph: "", indent: 1, ...evidenceWords(evidence) }, ...remarks, ...more];
}

/** Where in a test runner's own code a test failed tells nothing; the lines before it do. */
export function withoutStack(output: string): string {
  return output
    .split("\n")
    .filter((line) => !/^\s+at (?:async )?\S.*(?:\(.*\)|:\d+:\d+)(?: \{)?$/.test(line))
    .join("\n");
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
