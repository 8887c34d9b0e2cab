/** Lists: aligned with a header on a terminal; piped, one item a line with tabs, no header and nothing cut. */
import Table from "cli-table3";
import type { Output } from "../output.ts";
import { sanitizeLine } from "./terminal.ts";

export interface Column<T> {
  title: string;
  /** For people. */
  show: (item: T) => string;
  /** For programs, where it differs: a stored word, a plain number, an ISO time. */
  raw?: (item: T) => string | number | null;
  align?: "right";
}

const BARE = Object.fromEntries(
  "top top-mid top-left top-right bottom bottom-mid bottom-left bottom-right left left-mid mid mid-mid right right-mid middle"
    .split(" ")
    .map((part) => [part, part === "middle" ? "  " : ""]),
);

/** Prints `items`; what agents and people wrote in them is made safe. */
export function printTable<T>(out: Output, columns: readonly Column<T>[], items: readonly T[]): void {
  if (!out.terminal.isTty) {
    for (const item of items) out.line(columns.map((column) => rawCell(column, item)).join("\t"));
    return;
  }
  const table = new Table({
    head: columns.map((column) => out.terminal.paint("dim", column.title)),
    chars: BARE,
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [] },
    colAligns: columns.map((column) => column.align ?? "left"),
  });
  for (const item of items) table.push(columns.map((column) => sanitizeLine(column.show(item))));
  for (const line of table.toString().split("\n")) out.line(line.trimEnd());
}

/** One value on one line, for programs: tabs and newlines in it are written as `\t` and `\n`. */
export function rawCell<T>(column: Column<T>, item: T): string {
  const value = column.raw ? column.raw(item) : column.show(item);
  return escaped(String(value ?? ""));
}

/** Text on one line for programs. Control characters are gone, breaks are spelled out. */
export function escaped(text: string): string {
  return text
    .replaceAll("\\", "\\\\")
    .replaceAll("\t", String.raw`\t`)
    .replaceAll(/\r\n?|\n/g, String.raw`\n`)
    .replaceAll(/\p{Cc}/gu, "");
}
