import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { sanitize, sanitizeLine, terminalOf } from "./terminal.ts";

// oxlint-disable-next-line no-control-regex
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

test("no text, however made, leaves a control or escape sequence or hidden direction", () => {
  const nasty = fc.constantFrom(
    "\u001b",
    "[",
    "]",
    "52;c;",
    "\u0007",
    "\u009b",
    "\u009d",
    "\\",
    "m",
    "31",
    "\u202e",
    "\r",
    "\n",
    "a",
  );
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(nasty, { maxLength: 40 }).map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(text, (hostile) => {
      assert.doesNotMatch(sanitize(hostile), UNSAFE);
      assert.doesNotMatch(sanitizeLine(hostile), /[\n\t]/);
    }),
    { numRuns: 2000 },
  );
});

test("sequences go as a whole, and the text around them stays", () => {
  const cases: [string, string][] = [
    ["\u001b[31mred\u001b[0m", "red"],
    ["a\u001b]52;c;ZXZpbA==\u0007b", "ab"],
    ["a\u001b]8;;http://x\u001b\\link\u001b]8;;\u001b\\", "alink"],
    ["\u001b]0;title never closed\nnext line", "\nnext line"],
    ["one\r\ntwo\rthree", "one\ntwo\nthree"],
    ["tab\tstays", "tab\tstays"],
    ["\u001bPq#0\u001b\\sixel", "sixel"],
    ["ab\u202Ecd", "ab<U+202E>cd"],
    ["a\u200Bb\uFEFF", "a<U+200B>b<U+FEFF>"],
    ["👩‍💻 héllo 日本", "👩‍💻 héllo 日本"],
  ];
  for (const [hostile, safe] of cases) assert.equal(sanitize(hostile), safe);
});

test("five megabytes of the worst are cleaned", () => {
  // What takes time squared would not come back from this within any test's patience.
  assert.equal(sanitize("\u001b]".repeat(2_500_000)).includes("\u001b"), false);
  assert.equal(sanitize("\u001b[".repeat(2_500_000)).includes("\u001b"), false);
});

test("colour follows the stream and the environment", () => {
  const tty = { isTTY: true, columns: 100 };
  const colour = (stream: object, env: Record<string, string>, off = false) =>
    terminalOf(stream, env, off).colour;
  assert.equal(colour(tty, {}), true);
  assert.equal(colour({}, {}), false);
  assert.equal(colour(tty, { NO_COLOR: "1" }), false);
  assert.equal(colour(tty, { TERM: "dumb" }), false);
  assert.equal(colour(tty, { CI: "true" }), false);
  assert.equal(colour(tty, {}, true), false);
  assert.equal(colour({}, { FORCE_COLOR: "1" }), true);
  assert.equal(colour({}, { FORCE_COLOR: "1", NO_COLOR: "1" }), false);
  assert.equal(colour(tty, { FORCE_COLOR: "0" }), false);
  assert.equal(terminalOf(tty, { MAKIMA_ACCESSIBLE: "1" }).plain, true);
  assert.equal(terminalOf({}, {}).width, 80);
});
