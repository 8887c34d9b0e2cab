/**
 * The completion gate: the block in which an agent says whether it is done.
 *
 *     <COMPLETION_GATE>
 *     ready: false
 *     reason: "two tests are red"
 *     blockers:
 *       - the fixture of the parser
 *     </COMPLETION_GATE>
 *
 * Agents write it by hand, so it is read with patience: as JSON (also inside a code fence), else as
 * `key: value` lines. What decides is narrow: only `ready` of true, yes or 1 says ready; a block that
 * lacks it says not ready.
 *
 * The last well-formed block counts. A block is what stands between an opening tag and the first closing
 * tag after it with no other opening tag between: of nested ones the innermost, and a tag that only prose
 * mentions does no harm. A block that has no key at all is malformed, hence none; so is an unclosed one.
 * Code fences and quotation marks around a block change nothing: a block in the agent's own text is a block.
 * That the text is the agent's own (no tool results, no subagents, no files) is for the caller to see to,
 * and a gate is only the agent's word: what can be checked is checked besides.
 *
 * Everything here takes time linear in the text and never throws.
 */

export interface Gate {
  ready: boolean;
  reason?: string;
  progress?: string;
  /** What is in the way. Empty for none, also where the agent wrote "none". */
  blockers: string[];
  /** 0 to 1. What is no number in that range stays in `extra`. */
  confidence?: number;
  milestones?: string[];
  learnings?: string[];
  /** Keys that makima does not know, spelled as written; values parsed as JSON where they are JSON. */
  extra: Record<string, unknown>;
}

const TAG = /<(\/?)COMPLETION_GATE>/gi;
const YES = new Set(["true", "yes", "1"]);
const NOTHING = new Set(["none", "none.", "n/a", "null", "nothing", "-"]);

/** The last well-formed gate in `text`, or undefined. */
export function findGate(text: string): Gate | undefined {
  const bodies: [from: number, to: number][] = [];
  let opened = -1;
  for (const tag of text.matchAll(TAG)) {
    if (tag[1] === "") {
      opened = tag.index + tag[0].length;
    } else if (opened >= 0) {
      bodies.push([opened, tag.index]);
      opened = -1;
    }
  }
  for (const [from, to] of bodies.toReversed()) {
    const entries = readEntries(text.slice(from, to));
    if (entries.length > 0) return toGate(entries);
  }
  return undefined;
}

type Entry = [key: string, value: unknown];

function readEntries(body: string): Entry[] {
  const bare = body.replace(/^\s*```[a-z]*\r?\n/i, "").trim();
  const text = bare.endsWith("```") ? bare.slice(0, -3).trimEnd() : bare;
  if (text.startsWith("{")) {
    const parsed = parseJson(text);
    if (parsed.ok && isRecord(parsed.value)) return Object.entries(parsed.value);
  }
  return readLines(text.split(/\r\n|\r|\n/));
}

/** Keys of one block beyond this are not read: each may cost a parser's exception. */
const MAX_KEYS = 1000;
// A key is one word, quoted or not, at the start of a line.
const KEY = /^\s*(["']?)([A-Za-z_][\w-]{0,63})\1\s*:(.*)$/;
const ITEM = /^\s*[-*]\s+(\S.*)$/;
/** Values written over several lines: how many a block may have, and how many lines each. Bounds the search. */
const MAX_SPANS = 16;
const MAX_SPAN = 64;

function readLines(lines: string[]): Entry[] {
  const entries: Entry[] = [];
  let spansLeft = MAX_SPANS;
  for (let at = 0; at < lines.length && entries.length < MAX_KEYS; at += 1) {
    const line = lines[at] ?? "";
    const key = KEY.exec(line);
    if (!key) continue;
    const written = (key[3] ?? "").trim();
    // The comma belongs to JSON that did not parse as a whole, not to the value.
    const value = key[1] !== "" && written.endsWith(",") ? written.slice(0, -1).trimEnd() : written;
    const name = key[2] ?? "";
    if (value === "") {
      const items = itemsAfter(lines, at);
      at += items.length;
      entries.push([name, items.length > 0 ? items.map(unquote) : ""]);
      continue;
    }
    const opens = /^[[{]/.test(value) && !/[\]}]$/.test(value);
    const span = opens && spansLeft > 0 ? spanned(lines, at, written) : undefined;
    if (opens) spansLeft -= 1;
    if (span) {
      entries.push([name, span.value]);
      at = span.last;
    } else {
      const parsed = parseJson(value);
      entries.push([name, parsed.ok ? parsed.value : unquote(value)]);
    }
  }
  return entries;
}

function itemsAfter(lines: string[], at: number): string[] {
  const items: string[] = [];
  for (let next = at + 1; next < lines.length; next += 1) {
    const item = ITEM.exec(lines[next] ?? "");
    if (!item) break;
    items.push((item[1] ?? "").trim());
  }
  return items;
}

/** An array or object that begins on line `at` and ends on a later one. */
function spanned(lines: string[], at: number, value: string): { value: unknown; last: number } | undefined {
  const close = value.startsWith("[") ? "]" : "}";
  const parts = [value];
  const end = Math.min(lines.length, at + MAX_SPAN);
  for (let next = at + 1; next < end; next += 1) {
    const part = (lines[next] ?? "").trim();
    const ends = part.endsWith(close) || part.endsWith(`${close},`);
    parts.push(ends && part.endsWith(",") ? part.slice(0, -1) : part);
    if (!ends) continue;
    const parsed = parseJson(parts.join("\n"));
    return parsed.ok ? { value: parsed.value, last: next } : undefined;
  }
  return undefined;
}

function toGate(entries: Entry[]): Gate {
  const gate: Gate = { ready: false, blockers: [], extra: {} };
  const extra: Entry[] = [];
  for (const [key, value] of entries) {
    switch (key.toLowerCase()) {
      case "ready":
        gate.ready = YES.has(asText(value).trim().toLowerCase());
        break;
      case "reason":
        setText(gate, "reason", value);
        break;
      case "progress":
        setText(gate, "progress", value);
        break;
      case "blockers":
        gate.blockers = asList(value);
        break;
      case "milestones":
        gate.milestones = asList(value);
        break;
      case "learnings":
        gate.learnings = asList(value);
        break;
      case "confidence": {
        const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
        if (typeof number === "number" && number >= 0 && number <= 1) gate.confidence = number;
        else extra.push([key, value]);
        break;
      }
      default:
        // Assigning to this one name would change the object's prototype in whoever copies it.
        if (key !== "__proto__") extra.push([key, value]);
    }
  }
  gate.extra = Object.fromEntries(extra);
  return gate;
}

function setText(gate: Gate, key: "reason" | "progress", value: unknown): void {
  const text = asText(value);
  if (text === "") delete gate[key];
  else gate[key] = text;
}

function asList(value: unknown): string[] {
  if (Array.isArray(value)) return value.map(asText).filter((item) => item.trim() !== "");
  const text = asText(value).trim();
  return text === "" || NOTHING.has(text.toLowerCase()) ? [] : [text];
}

function asText(value: unknown): string {
  if (typeof value === "string") return value;
  if (value === null || value === undefined) return "";
  try {
    return JSON.stringify(value) ?? "";
  } catch {
    return ""; // nested deeper than the stack: nothing a person wrote
  }
}

function unquote(value: string): string {
  const quote = value[0];
  const quoted = value.length >= 2 && (quote === '"' || quote === "'") && value.endsWith(quote);
  if (!quoted) return value;
  const parsed = quote === '"' ? parseJson(value) : { ok: false as const };
  return parsed.ok && typeof parsed.value === "string" ? parsed.value : value.slice(1, -1);
}

function parseJson(text: string): { ok: true; value: unknown } | { ok: false } {
  try {
    return { ok: true, value: JSON.parse(text) as unknown };
  } catch {
    return { ok: false };
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
