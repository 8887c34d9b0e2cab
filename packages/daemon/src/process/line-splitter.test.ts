import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { createLineSplitter, type SpoolLine, type SplitterOptions } from "./line-splitter.ts";

function split(bytes: Buffer, cuts: number[], options: SplitterOptions = {}): SpoolLine[] {
  const splitter = createLineSplitter(options);
  const lines: SpoolLine[] = [];
  const edges = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort(
    (a, b) => a - b,
  );
  for (const [at, from] of edges.entries()) {
    // One buffer, overwritten afterwards, as the reader of a file does it.
    const chunk = Buffer.from(bytes.subarray(from, edges[at + 1] ?? from));
    lines.push(...splitter.push(chunk));
    chunk.fill(0x2a);
  }
  return [...lines, ...splitter.end()];
}

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)),
  fc
    .array(fc.string({ unit: "binary", maxLength: 20 }), { maxLength: 12 })
    .map((l) => Buffer.from(l.join("\n"))),
);
const cuts = fc.array(fc.nat(), { maxLength: 20 });

test("any chunking gives the same lines", () => {
  fc.assert(
    fc.property(bytes, cuts, (all, at) => {
      assert.deepEqual(split(all, at), split(all, []));
    }),
  );
});

test("every byte is in exactly one line, and offsets say where", () => {
  fc.assert(
    fc.property(bytes, cuts, (all, at) => {
      let from = 0;
      for (const line of split(all, at)) {
        const raw = all.subarray(from, line.offset);
        const ended = raw.at(-1) === 10;
        assert.equal(ended, !line.partial);
        assert.equal(raw.subarray(0, ended ? -1 : undefined).toString("utf8"), line.text);
        from = line.offset;
      }
      assert.equal(from, all.length);
    }),
  );
});

test("reading on from any line's offset gives the lines after it", () => {
  fc.assert(
    fc.property(bytes, cuts, fc.nat(), (all, at, pick) => {
      const lines = split(all, at);
      const line = lines[pick % Math.max(lines.length, 1)];
      if (!line) return;
      const rest = split(all.subarray(line.offset), at, { offset: line.offset });
      assert.deepEqual(rest, lines.slice(lines.indexOf(line) + 1));
    }),
  );
});

test("a line over the limit comes in marked pieces between characters, and the next line is whole", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", minLength: 20, maxLength: 60 }), cuts, (text, at) => {
      const long = text.replaceAll("\n", " ");
      const all = Buffer.from(`${long}\nnext\n`);
      const lines = split(all, at, { maxLineBytes: 8 });
      const pieces = lines.slice(0, -1);
      assert.ok(pieces.length > 1);
      assert.equal(pieces.map((piece) => piece.text).join(""), long);
      assert.ok(pieces.every((piece) => piece.cut && !piece.replaced && Buffer.byteLength(piece.text) <= 8));
      assert.deepEqual(
        { text: lines.at(-1)?.text, cut: lines.at(-1)?.cut, offset: lines.at(-1)?.offset },
        { text: "next", cut: false, offset: all.length },
      );
    }),
  );
});

test("the rest of a cut line is still marked when reading goes on inside it", () => {
  const lines = split(Buffer.from("rest\nnext\n"), [], { offset: 100, continued: true });
  assert.deepEqual(
    lines.map((line) => [line.text, line.cut, line.offset]),
    [
      ["rest", true, 105],
      ["next", false, 110],
    ],
  );
});

test("invalid UTF-8 is replaced and said, NUL and real replacement characters are kept", () => {
  const [invalid, nul, real] = split(
    Buffer.concat([Buffer.from([0x61, 0xff, 0x62, 10]), Buffer.from("a\0b\n"), Buffer.from("\uFFFD\n")]),
    [],
  );
  assert.deepEqual([invalid?.text, invalid?.replaced], ["a\uFFFDb", true]);
  assert.deepEqual([nul?.text, nul?.replaced], ["a\0b", false]);
  assert.deepEqual([real?.text, real?.replaced], ["\uFFFD", false]);
});
