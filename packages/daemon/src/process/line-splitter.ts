/**
 * Bytes in any chunking → lines, each with the offset in the file after it.
 *
 * Holds at most one line. A line longer than the limit is given out in pieces marked `cut`, so that an
 * agent that never ends its line cannot take the daemon's memory.
 */
import { isUtf8 } from "node:buffer";

/** The longest line that is kept whole, in bytes. */
export const MAX_LINE_BYTES = 32 * 1024 * 1024;

const LINE_FEED = 10;

export interface SpoolLine {
  /** The line without its line feed. */
  text: string;
  /** Bytes from the start of the file to the end of this line: where a reader that stored it goes on. */
  offset: number;
  /** A piece of a line that was too long to keep whole. */
  cut: boolean;
  /** The file ended before the line did. */
  partial: boolean;
  /** It held bytes that are no UTF-8; they read U+FFFD now. */
  replaced: boolean;
}

export interface LineSplitter {
  /** Takes bytes (which the caller may overwrite afterwards) and gives the lines they complete. */
  push(chunk: Buffer): SpoolLine[];
  /** The last line, when the file ended without a line feed. */
  end(): SpoolLine[];
}

export interface SplitterOptions {
  /** Offset in the file of the first byte pushed. */
  offset?: number;
  /** The first byte pushed lies inside a line whose earlier piece was given out before. */
  continued?: boolean;
  maxLineBytes?: number;
}

export function createLineSplitter(options: SplitterOptions = {}): LineSplitter {
  const limit = options.maxLineBytes ?? MAX_LINE_BYTES;
  let offset = options.offset ?? 0;
  let cutting = options.continued ?? false;
  let held: Buffer[] = [];
  let heldBytes = 0;

  function give(bytes: Buffer, end: number, partial: boolean): SpoolLine {
    const text = bytes.toString("utf8");
    offset += bytes.length + end;
    const replaced = text.includes("\uFFFD") && !isUtf8(bytes);
    return { text, offset, cut: cutting, partial, replaced };
  }

  function joined(piece: Buffer): Buffer {
    if (held.length === 0) return piece;
    const whole = Buffer.concat([...held, piece]);
    held = [];
    heldBytes = 0;
    return whole;
  }

  /** Takes pieces off the front until what is left fits. */
  function shorten(piece: Buffer, lines: SpoolLine[]): Buffer {
    if (heldBytes + piece.length <= limit) return piece;
    let rest = joined(piece);
    while (rest.length > limit) {
      const at = characterStart(rest, limit);
      cutting = true;
      lines.push(give(rest.subarray(0, at), 0, false));
      rest = rest.subarray(at);
    }
    return rest;
  }

  return {
    push(chunk) {
      const lines: SpoolLine[] = [];
      let start = 0;
      for (;;) {
        const end = chunk.indexOf(LINE_FEED, start);
        if (end === -1) break;
        const last = shorten(chunk.subarray(start, end), lines);
        lines.push(give(joined(last), 1, false));
        cutting = false;
        start = end + 1;
      }
      const rest = shorten(chunk.subarray(start), lines);
      if (rest.length > 0) {
        held.push(Buffer.from(rest));
        heldBytes += rest.length;
      }
      return lines;
    },
    end() {
      if (heldBytes === 0) return [];
      return [give(joined(Buffer.alloc(0)), 0, true)];
    },
  };
}

/** The start of the character that byte `at` belongs to, so that a cut does not go through it. */
function characterStart(bytes: Buffer, at: number): number {
  for (let back = 0; back < 4 && back < at; back += 1) {
    if (((bytes[at - back] ?? 0) & 0xc0) !== 0x80) return at - back;
  }
  return at;
}
