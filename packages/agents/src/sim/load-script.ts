/** Finds and reads a script; what is wrong with it is said with path, line, and the key that was meant. */
import { existsSync, readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { LineCounter, isMap, isScalar, parseDocument, type Document } from "yaml";
import { z } from "zod";
import { SCRIPT, type Script } from "./script.ts";
import { scenarioNames, simulatedAgent } from "./where.ts";

export type Loaded =
  | { readonly ok: true; readonly script: Script; readonly name: string; readonly path: string }
  | { readonly ok: false; readonly problem: string };

/** `wanted` is the name of a built-in scenario, else a path (relative to the working directory) of YAML or JSON. */
export function loadScript(wanted: string): Loaded {
  const path = findScript(wanted);
  if (path === undefined) {
    return {
      ok: false,
      problem: `There is no script "${wanted}". Give a path, or one of: ${scenarioNames().join(", ")}.`,
    };
  }
  const lines = new LineCounter();
  const document = parseDocument(readFileSync(path, "utf8"), { lineCounter: lines, prettyErrors: false });
  const [syntax] = document.errors;
  if (syntax)
    return { ok: false, problem: `${path}:${lines.linePos(syntax.pos[0]).line}: ${syntax.message}` };
  const checked = SCRIPT.safeParse(document.toJS());
  if (!checked.success) return { ok: false, problem: describe(checked.error, path, document, lines) };
  const name = checked.data.name ?? basename(path).replace(/\.(ya?ml|json)$/, "");
  return { ok: true, script: checked.data, name, path };
}

function findScript(wanted: string): string | undefined {
  const builtIn = join(simulatedAgent().scenarios, `${wanted}.yaml`);
  if (/^[\w-]+$/.test(wanted) && existsSync(builtIn)) return builtIn;
  const path = resolve(wanted);
  return existsSync(path) ? path : undefined;
}

/** An unknown key is told before what follows from it, such as the required key that is missing in its place. */
const unknownFirst = (issue: z.core.$ZodIssue) => (issue.code === "unrecognized_keys" ? 0 : 1);

function describe(error: z.ZodError, path: string, document: Document, lines: LineCounter): string {
  const unknownAt = new Set(
    error.issues.filter((one) => unknownFirst(one) === 0).map((one) => one.path.join()),
  );
  return error.issues
    .filter((issue) => unknownFirst(issue) === 0 || !unknownAt.has(issue.path.join()))
    .toSorted((one, other) => unknownFirst(one) - unknownFirst(other))
    .map((issue) => {
      const unknown = issue.code === "unrecognized_keys" ? issue.keys : [];
      const line = lineOf(document, lines, issue.path, unknown[0]);
      const where = `${path}:${line}: ${printPath(issue.path)}`;
      if (unknown.length === 0) return `${where}: ${issue.message}`;
      const valid = keysAt(SCRIPT, issue.path);
      return unknown.map((key) => `${where}: unknown key "${key}"${suggest(key, valid)}`).join("\n");
    })
    .join("\n");
}

function printPath(path: readonly PropertyKey[]): string {
  if (path.length === 0) return "script";
  return path
    .map((part, at) => (typeof part === "number" ? `[${part + 1}]` : `${at === 0 ? "" : "."}${String(part)}`))
    .join("");
}

/** Line of the thing at `path`, or of the nearest that is there around it. */
function lineOf(document: Document, lines: LineCounter, path: readonly PropertyKey[], key?: string): number {
  for (let depth = path.length; depth >= 0; depth -= 1) {
    const node: unknown = depth === 0 ? document.contents : document.getIn(path.slice(0, depth), true);
    if (isMap(node) && depth === path.length && key !== undefined) {
      const pair = node.items.find((item) => isScalar(item.key) && item.key.value === key);
      if (pair && isScalar(pair.key) && pair.key.range) return lines.linePos(pair.key.range[0]).line;
    }
    const range = (node as { range?: [number, number, number] } | null | undefined)?.range;
    if (range) return lines.linePos(range[0]).line;
  }
  return 1;
}

/** Keys that the object at `path` may have. */
function keysAt(schema: unknown, path: readonly PropertyKey[]): string[] {
  let at = inside(schema);
  for (const part of path) {
    if (at instanceof z.ZodArray) at = inside(at.element);
    else if (at instanceof z.ZodObject) at = inside(at.shape[String(part)]);
  }
  return at instanceof z.ZodObject ? Object.keys(at.shape) : [];
}

function inside(schema: unknown): unknown {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) return inside(schema.unwrap());
  // A pipe out of a transform is a preprocess (what matters is after it); into one, the shape is before it.
  if (schema instanceof z.ZodPipe)
    return inside(schema.in instanceof z.ZodTransform ? schema.out : schema.in);
  return schema;
}

function suggest(key: string, valid: readonly string[]): string {
  const [nearest] = valid
    .map((name) => ({ name, far: distance(key.toLowerCase(), name.toLowerCase()) }))
    .toSorted((one, other) => one.far - other.far);
  if (nearest && nearest.far <= Math.max(2, key.length / 2)) return `; did you mean "${nearest.name}"?`;
  return valid.length > 0 ? `; known keys are ${valid.join(", ")}` : "";
}

/** Edits (insert, delete, replace) that turn one word into the other. */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (let i = 1; i <= one.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= other.length; j += 1) {
      const same = one[i - 1] === other[j - 1] ? 0 : 1;
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + same));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}
