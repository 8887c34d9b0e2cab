/** The page of `makima doctor`. */
import { MAKIMA_VERSION } from "@makima/protocol/version";
import type { Output } from "../output.ts";
import { sanitizeLine, type Style, type Terminal } from "../print/terminal.ts";
import { CHECK_GROUPS, type CheckRow, type FindingState } from "./check.ts";

const SIGNS: Readonly<Record<FindingState, { glyph: string; style: Style }>> = {
  ok: { glyph: "✔", style: "green" },
  info: { glyph: "·", style: "dim" },
  warning: { glyph: "⚠", style: "yellow" },
  error: { glyph: "✖", style: "red" },
};

/** One row: sign, title, what was found; then the ways to put it right. */
export function renderRow(row: CheckRow, terminal: Terminal, width: number): string[] {
  const { glyph, style } = SIGNS[row.state];
  const text = `${row.title.padEnd(width)} ${sanitizeLine(row.detail)}`;
  const line = `  ${terminal.paint(style, glyph)} ${row.state === "info" ? terminal.paint("dim", text) : text}`;
  const fixes = (row.fix ?? []).map(
    (fix, at) => `      ${terminal.paint("dim", at === 0 ? "fix" : "   ")}  ${sanitizeLine(fix)}`,
  );
  return [line, ...fixes];
}

export function printDoctor(rows: readonly CheckRow[], out: Output): void {
  const { terminal } = out;
  if (!terminal.isTty) {
    for (const row of rows) {
      out.line(
        [row.state, row.id, sanitizeLine(row.detail), (row.fix ?? []).map(sanitizeLine).join("; ")].join(
          "\t",
        ),
      );
    }
    return;
  }
  const width = Math.max(...rows.map((row) => row.title.length));
  out.line(`makima doctor · ${MAKIMA_VERSION}`);
  for (const group of CHECK_GROUPS) {
    const members = rows.filter((row) => row.group === group);
    if (members.length === 0) continue;
    out.line(group);
    for (const row of members) for (const line of renderRow(row, terminal, width)) out.line(line);
  }
  out.line(summaryOf(rows));
}

export function summaryOf(rows: readonly CheckRow[]): string {
  const count = (state: FindingState) => rows.filter((row) => row.state === state).length;
  const [errors, warnings] = [count("error"), count("warning")];
  const repairs = rows.filter((row) => row.repair).length;
  const said =
    errors + warnings === 0 ? "All is well." : `${plural(errors, "error")}, ${plural(warnings, "warning")}.`;
  return repairs === 0 ? said : `${said} Safe repairs: makima doctor --fix`;
}

function plural(n: number, word: string): string {
  return `${n} ${word}${n === 1 ? "" : "s"}`;
}
