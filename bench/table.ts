/** Rows of figures as a table for people and as data. */
import { median } from "./block.ts";
import type { Row } from "./figure.ts";

export interface Line extends Omit<Row, "goal"> {
  figure: string;
  makimaMedian: number;
  referenceMedian?: number;
  ratio?: number;
  goalText?: string;
  met?: boolean;
}

/** A row with its medians and whether it meets its goal. */
export function lineOf(figure: string, { goal, ...row }: Row): Line {
  const makimaMedian = median(row.makima);
  const referenceMedian = row.reference ? median(row.reference) : Number.NaN;
  return {
    figure,
    ...row,
    makimaMedian,
    ...(row.reference ? { referenceMedian, ratio: makimaMedian / referenceMedian } : {}),
    ...(goal ? { goalText: goal.text, met: goal.met(makimaMedian, referenceMedian) } : {}),
  };
}

const HEAD = ["", "what", "makima (min–max)", "reference (min–max)", "ratio", "goal", "met"];

export function renderTable(lines: readonly Line[]): string {
  const rows = lines.map((line, at) => [
    line.figure === lines[at - 1]?.figure ? "" : line.figure,
    line.what,
    spread(line.makima, line.makimaMedian, line.unit),
    line.reference && line.referenceMedian !== undefined
      ? `${spread(line.reference, line.referenceMedian, line.unit)} ${line.against ?? ""}`.trimEnd()
      : "",
    line.ratio === undefined ? "" : `${line.ratio.toFixed(2)}×`,
    line.goalText ?? "",
    line.met === undefined ? "" : line.met ? "yes" : "NO",
  ]);
  const widths = HEAD.map((head, column) =>
    Math.max(...[HEAD, ...rows].map((row) => (row[column] ?? head).length)),
  );
  const print = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  const notes = lines.flatMap(({ figure, what, note }) =>
    note === undefined ? [] : [`${figure} ${what}: ${note}`],
  );
  return [print(HEAD), ...rows.map(print), ...(notes.length > 0 ? ["", ...notes] : [])].join("\n");
}

function spread(values: readonly number[], middle: number, unit: Row["unit"]): string {
  const suffix = unit === "/s" ? "/s" : ` ${unit}`;
  if (values.length === 1) return number(middle) + suffix;
  return `${number(middle)}${suffix} (${number(Math.min(...values))}–${number(Math.max(...values))})`;
}

function number(value: number): string {
  if (Number.isNaN(value)) return "?";
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en");
  return value.toFixed(Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2);
}
