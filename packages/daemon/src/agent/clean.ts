/**
 * Agents' words made fit to be stored: secrets masked, sizes bounded, and without what databases and JSON
 * cannot hold (NUL, halves of surrogate pairs).
 */
import type { Redactor } from "../process/redact.ts";

const DEEPEST = 32;
const MOST_ITEMS = 10_000;

/** A sign for NUL that can be stored and seen. */
const NUL_SIGN = "\u2400";

export function cleanText(text: string, redactor: Redactor | undefined, mostBytes: number): string {
  const masked = redactor ? redactor.redact(text) : text;
  const storable = (masked.includes("\0") ? masked.replaceAll("\0", NUL_SIGN) : masked).toWellFormed();
  return cutText(storable, mostBytes);
}

/** Cut to `mostBytes` of UTF-8 between characters, with a marker that says how much is missing. */
export function cutText(text: string, mostBytes: number): string {
  if (text.length * 3 <= mostBytes) return text;
  const bytes = Buffer.byteLength(text);
  if (bytes <= mostBytes) return text;
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(mostBytes));
  const kept = text.slice(0, read);
  return `${kept}\n… (${bytes - Buffer.byteLength(kept)} bytes left out)`;
}

/** A copy of a JSON value whose strings are clean and which together hold at most `mostBytes`. */
export function cleanValue(value: unknown, redactor: Redactor | undefined, mostBytes: number): unknown {
  let bytesLeft = mostBytes;
  let itemsLeft = MOST_ITEMS;

  function cleanString(text: string): string {
    const clean = cleanText(text, redactor, Math.max(bytesLeft, 0));
    bytesLeft -= Buffer.byteLength(clean);
    return clean;
  }

  function copy(part: unknown, depth: number): unknown {
    itemsLeft -= 1;
    if (typeof part === "string") return cleanString(part);
    if (typeof part !== "object" || part === null) return part;
    if (depth >= DEEPEST || itemsLeft <= 0 || bytesLeft <= 0) return "… (left out)";
    if (Array.isArray(part)) {
      const kept = part.slice(0, Math.max(itemsLeft, 0)).map((item) => copy(item, depth + 1));
      return kept.length < part.length ? [...kept, `… (${part.length - kept.length} more left out)`] : kept;
    }
    const entries: [string, unknown][] = [];
    for (const [key, item] of Object.entries(part)) {
      if (itemsLeft <= 0 || bytesLeft <= 0) {
        entries.push(["…", "left out"]);
        break;
      }
      entries.push([cleanString(key), copy(item, depth + 1)]);
    }
    return Object.fromEntries(entries);
  }

  return copy(value, 0);
}
