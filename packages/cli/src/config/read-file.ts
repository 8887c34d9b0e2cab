/** One configuration file, checked against the schema key by key: its settings, and what is wrong in it. */
import { readFileSync, statSync } from "node:fs";
import { parse, TomlError } from "smol-toml";
import { PROJECT_SECTIONS } from "@makima/protocol/config";
import type { ConfigIssue } from "./config-error.ts";
import { nearest } from "../run/nearest.ts";
import { CONFIG_KEYS, configKey, TABLES, withAlias, type ConfigKey } from "./keys.ts";
import { lineOf } from "./toml-lines.ts";

const MAX_FILE_BYTES = 1024 * 1024;

export interface Setting {
  key: string;
  value: unknown;
  /** `file:line`, variable or flag. */
  where: string;
}

export interface ReadFile {
  settings: Setting[];
  issues: ConfigIssue[];
}

/** Undefined where there is no such file. A project's file may set only the sections that belong to a contract. */
export function readConfigFile(file: string, kind: "user" | "project"): ReadFile | undefined {
  let text: string;
  try {
    const facts = statSync(file);
    if (!facts.isFile()) return problem(file, "is not a regular file");
    if (facts.size > MAX_FILE_BYTES) return problem(file, "is larger than 1 MiB; that is no configuration");
    text = readFileSync(file, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    return problem(file, `cannot be read (${code ?? String(error)})`);
  }
  return checkConfigText(text, file, kind);
}

function problem(file: string, message: string): ReadFile {
  return { settings: [], issues: [{ where: file, message }] };
}

export function checkConfigText(text: string, file: string, kind: "user" | "project"): ReadFile {
  let table: Record<string, unknown>;
  try {
    table = parse(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const reason = error.message.split("\n")[0]?.replace(/^Invalid TOML document: /, "") ?? "";
    return problem(`${file}:${error.line}`, `is not TOML: ${reason}`);
  }
  const result: ReadFile = { settings: [], issues: [] };
  const at = (path: readonly string[]) => {
    const line = lineOf(text, path);
    return line === undefined ? file : `${file}:${line}`;
  };
  collect(table, [], []);
  return result;

  /** `path` as it is meant, `written` as it stands in the file. */
  function collect(
    value: Record<string, unknown>,
    path: readonly string[],
    written: readonly string[],
  ): void {
    for (const [name, inner] of Object.entries(value)) {
      const here = [...path, withAlias(name)];
      const asWritten = [...written, name];
      const key = here.join(".");
      const issue = (message: string) => result.issues.push({ where: at(asWritten), message });
      if (path.length === 0 && kind === "project" && TABLES.has(key) && !isProjectSection(key)) {
        issue(
          `[${key}] may not stand in a project's file: it belongs to your own config.toml (or MAKIMA_${key.toUpperCase()}_…)`,
        );
        continue;
      }
      const known = configKey(key);
      if (known) {
        const fault = faultOf(known, inner);
        if (fault === undefined) result.settings.push({ key, value: inner, where: at(asWritten) });
        else issue(`${key} ${fault}`);
      } else if (TABLES.has(key)) {
        if (isTable(inner)) collect(inner, here, asWritten);
        else issue(`${key} is a section; write [${key}]`);
      } else {
        issue(unknownKey(path, withAlias(name)));
      }
    }
  }
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function isProjectSection(section: string): boolean {
  return (PROJECT_SECTIONS as readonly string[]).includes(section);
}

/** Says what is wrong with a name, and the nearest right one: in its own section first, then anywhere. */
export function unknownKey(path: readonly string[], name: string): string {
  const prefix = path.length === 0 ? "" : `${path.join(".")}.`;
  const siblings = [...CONFIG_KEYS.map(({ key }) => key), ...TABLES]
    .filter((key) => key.startsWith(prefix))
    .map((key) => key.slice(prefix.length).split(".")[0] ?? "");
  const near = nearest(name, siblings);
  const elsewhere = CONFIG_KEYS.find(({ key }) => key.endsWith(`.${name}`))?.key;
  const what = `${prefix}${name} is not a known key`;
  if (elsewhere) return `${what}; did you mean ${elsewhere}?`;
  if (near) return `${what}; did you mean ${prefix}${near}?`;
  return `${what}; known here: ${[...new Set(siblings)].join(", ")}`;
}

/** What is wrong with a value, in words; undefined where nothing is. */
export function faultOf(key: ConfigKey, value: unknown): string | undefined {
  const parsed = key.schema.safeParse(value);
  if (parsed.success && value !== undefined) return undefined;
  const shown =
    JSON.stringify(value, (_, inner: unknown) => (typeof inner === "bigint" ? String(inner) : inner)) ??
    String(value);
  return `must be ${key.type}, not ${shown.length > 60 ? `${shown.slice(0, 57)}…` : shown}`;
}
