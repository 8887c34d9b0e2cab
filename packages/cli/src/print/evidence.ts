/** What a check showed, in so many words. */
import type { Evidence } from "@makima/protocol/gate";
import type { Line } from "./line.ts";
import { sanitizeLine } from "./terminal.ts";
import { cut, durationWords, shortCommit } from "./words.ts";

/** One check in so many words: verified, failed or unverified, and by what. */
export function evidenceWords(evidence: Evidence): { text: string; tone: Line["tone"] } {
  const what = sanitizeLine(evidence.criterion);
  const by = evidence.command ? ` by ${cut(sanitizeLine(evidence.command), 80)}` : "";
  const exit = typeof evidence.exitCode === "number" ? `exit ${evidence.exitCode}` : "";
  const tests = evidence.tests ? `${evidence.tests.passed} passed, ${evidence.tests.failed} failed` : "";
  const on = evidence.commit ? `on ${shortCommit(sanitizeLine(evidence.commit))}` : "";
  const took = evidence.durationMs === undefined ? "" : durationWords(evidence.durationMs);
  const figures = [exit, tests, on, took].filter((part) => part !== "").join(", ");
  const tail = figures === "" ? "" : ` (${figures})`;
  switch (evidence.verdict) {
    case "passed":
      return { text: `✔ ${what} — verified${by}${tail}`, tone: "good" };
    case "failed":
      return { text: `✖ ${what} — failed${by}${tail}`, tone: "bad" };
    case "unverified":
      return { text: `○ ${what} — unverified${by}${tail}`, tone: "warn" };
  }
}
