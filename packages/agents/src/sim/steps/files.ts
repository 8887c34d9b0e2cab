/**
 * Steps that change or read files, as claude's Write, Edit and Read. Each may be done twice without harm: a
 * step that was cut (`turn.again`) and finds its work done says so and goes on.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { ToolOutcome } from "../messages.ts";
import type { StepValue } from "../script.ts";
import type { Turn } from "../turn.ts";

export async function write(turn: Turn, { path, content }: StepValue<"write">): Promise<void> {
  const input = { file_path: resolve(turn.agent.cwd, path), content };
  await turn.tool({
    name: "Write",
    input,
    asking: "byMode",
    work: async (given) => writeOut(String(given["file_path"]), String(given["content"])),
  });
}

export async function append(turn: Turn, { path, content }: StepValue<"append">): Promise<void> {
  const file = resolve(turn.agent.cwd, path);
  const before = readIfThere(file);
  const whole = turn.again && before.endsWith(content) ? before : before + content;
  await write(turn, { path, content: whole });
}

/** Nothing where it cannot be read: the writing that follows says why. */
function readIfThere(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

/** Claude has no tool of its own for this and uses the shell; here the file system does, whatever the shell. */
export async function remove(turn: Turn, { path }: StepValue<"delete">): Promise<void> {
  const file = resolve(turn.agent.cwd, path);
  await turn.tool({
    name: "Bash",
    input: { command: `rm -rf -- '${path}'`, description: `Delete ${path}` },
    asking: "byMode",
    work: async () => {
      rmSync(file, { recursive: true, force: true });
      const detail = { stdout: "", stderr: "", interrupted: false, isImage: false, noOutputExpected: true };
      return { content: "(Bash completed with no output)", detail };
    },
  });
}

export async function edit(turn: Turn, { path, find, replace, all }: StepValue<"edit">): Promise<void> {
  const file = resolve(turn.agent.cwd, path);
  await turn.tool({
    name: "Edit",
    input: { file_path: file, old_string: find, new_string: replace, replace_all: all },
    asking: "byMode",
    work: async () => editFile(file, { find, replace, all, mayBeDone: turn.again }),
  });
}

export async function read(turn: Turn, { path }: StepValue<"read">): Promise<void> {
  const file = resolve(turn.agent.cwd, path);
  await turn.tool({
    name: "Read",
    input: { file_path: file },
    asking: "never",
    work: async () => readIn(file),
  });
}

export function writeOut(file: string, content: string): ToolOutcome {
  const original = existsSync(file) ? readFileSync(file, "utf8") : null;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  return {
    content:
      original === null
        ? `File created successfully at: ${file}`
        : `The file ${file} has been updated successfully.`,
    detail: {
      type: original === null ? "create" : "update",
      filePath: file,
      content,
      structuredPatch: [],
      originalFile: original,
    },
  };
}

interface Replacement {
  readonly find: string;
  readonly replace: string;
  readonly all: boolean;
  readonly mayBeDone: boolean;
}

function editFile(file: string, { find, replace, all, mayBeDone }: Replacement): ToolOutcome {
  if (!existsSync(file)) return failed("File does not exist.");
  const original = readFileSync(file, "utf8");
  const there = original.includes(find);
  if (!there && !(mayBeDone && original.includes(replace))) {
    return failed(`String to replace not found in file.\nString: ${find}`);
  }
  const changed = all ? original.replaceAll(find, () => replace) : original.replace(find, () => replace);
  writeFileSync(file, changed);
  return {
    content: `The file ${file} has been updated successfully.`,
    detail: {
      filePath: file,
      oldString: find,
      newString: replace,
      originalFile: original,
      structuredPatch: there ? [hunk(original, find, replace)] : [],
      userModified: false,
      replaceAll: all,
    },
  };
}

/** The first place that changed, by whole lines and without context. */
function hunk(original: string, find: string, replace: string): object {
  const at = original.indexOf(find);
  const start = original.lastIndexOf("\n", at - 1) + 1;
  const next = original.indexOf("\n", at + find.length);
  const end = next === -1 ? original.length : next;
  const old = original.slice(start, end).split("\n");
  const fresh = (original.slice(start, at) + replace + original.slice(at + find.length, end)).split("\n");
  const line = original.slice(0, start).split("\n").length;
  return {
    oldStart: line,
    oldLines: old.length,
    newStart: line,
    newLines: fresh.length,
    lines: [...old.map((text) => `-${text}`), ...fresh.map((text) => `+${text}`)],
  };
}

function readIn(file: string): ToolOutcome {
  if (!existsSync(file)) return failed("File does not exist.");
  const content = readFileSync(file, "utf8");
  const rows = content.replace(/\n$/, "").split("\n");
  return {
    content: rows.map((row, at) => `${String(at + 1).padStart(6)}→${row}`).join("\n"),
    detail: {
      type: "text",
      file: { filePath: file, content, numLines: rows.length, startLine: 1, totalLines: rows.length },
    },
  };
}

function failed(why: string): ToolOutcome {
  return { content: `<tool_use_error>${why}</tool_use_error>`, isError: true, detail: `Error: ${why}` };
}
