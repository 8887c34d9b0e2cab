/** What a command writes: data on stdout, everything else on stderr. */
import { terminalOf, type Terminal } from "./print/terminal.ts";

export interface Output {
  /** Whether stdout carries JSON. */
  readonly json: boolean;
  /** Fields that `--json=a,b` asked for. */
  readonly fields: readonly string[] | undefined;
  /** Of stdout. */
  readonly terminal: Terminal;
  /** Of stderr. */
  readonly errors: Terminal;
  /** A line of data on stdout; `end` instead of the newline, for what is drawn again. */
  line(text?: string, end?: string): void;
  /** One JSON value on one line on stdout, cut down to the fields that were asked for. */
  value(value: unknown): void;
  /** A line for people on stderr; left out in JSON mode. */
  note(text?: string): void;
}

export interface Streams {
  stdout: { write(text: string): unknown; isTTY?: boolean | undefined; columns?: number | undefined };
  stderr: { write(text: string): unknown; isTTY?: boolean | undefined; columns?: number | undefined };
}

export interface OutputOptions {
  env: Readonly<Record<string, string | undefined>>;
  json?: boolean;
  fields?: readonly string[] | undefined;
  noColour?: boolean;
  streams?: Streams;
}

export function outputOf(options: OutputOptions): Output {
  const { stdout, stderr } = options.streams ?? process;
  const json = options.json ?? false;
  return {
    json,
    fields: options.fields,
    terminal: terminalOf(stdout, options.env, options.noColour),
    errors: terminalOf(stderr, options.env, options.noColour),
    line: (text = "", end = "\n") => void stdout.write(text + end),
    value: (value) => void stdout.write(`${JSON.stringify(pickFields(value, options.fields))}\n`),
    note: (text = "") => {
      if (!json) stderr.write(`${text}\n`);
    },
  };
}

/** Keeps the named fields of an object, or of each item where it is a list or a page of them. */
export function pickFields(value: unknown, fields: readonly string[] | undefined): unknown {
  if (!fields || typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item: unknown) => pickFields(item, fields));
  const record = value as Record<string, unknown>;
  if (Array.isArray(record["items"]) && !fields.includes("items")) {
    return { ...record, items: pickFields(record["items"], fields) };
  }
  return Object.fromEntries(fields.map((field) => [field, record[field] ?? null]));
}
