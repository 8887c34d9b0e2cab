/**
 * Whether two errors are the same error.
 *
 * The tenth failure of one test never reads like the ninth: durations, temporary paths, process ids and
 * line numbers move. A fingerprint masks what moves and keeps what says what is wrong. Only the
 * beginning of a long error is looked at.
 */

/** How much of an error is looked at, and so also the most that a fingerprint is long, about. */
const LOOKED_AT = 2000;

const ESCAPE = String.fromCharCode(27);
const BELL = String.fromCharCode(7);
const COLOUR = new RegExp(
  `${ESCAPE}(?:\\[[0-9;:?]*[A-Za-z]|\\][^${BELL}${ESCAPE}]*(?:${BELL}|${ESCAPE}\\\\))`,
  "g",
);

// In this order: a time holds numbers, a path may hold ids, an id holds numbers.
const MASKS: readonly [pattern: RegExp, mask: string][] = [
  [/\b\d{4}-\d\d-\d\d[t ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:z|[+-]\d\d:?\d\d)?\b/g, "<time>"],
  [/\b\d{1,2}:\d\d:\d\d(?:[.,]\d+)?\b/g, "<time>"],
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, "<id>"],
  [/(?<!\w)(?:[a-z]:)?(?:[\w.@~+-]*[\\/])+[\w.@~+-]*/g, "<path>"],
  [/\b0x[0-9a-f]+\b/g, "<id>"],
  [/\b(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{7,64}\b/g, "<id>"],
  [/\b[a-z]-(?=[0-9a-z]*\d)[0-9a-z]{4,16}\b/g, "<id>"],
  [/\d+(?:[.,]\d+)*/g, "<n>"],
  [/<n>(?:ms|s|m|h|kb|mb|gb|b)\b/g, "<n>"],
];

/** `error` with its numbers, paths, times, ids, hex and colours masked, in lower case, on one line. */
export function fingerprint(error: string): string {
  let text = error.slice(0, LOOKED_AT).replace(COLOUR, "").toLowerCase();
  for (const [pattern, mask] of MASKS) text = text.replace(pattern, mask);
  return text.replace(/\s+/g, " ").trim();
}
