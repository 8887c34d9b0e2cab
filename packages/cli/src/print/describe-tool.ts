/** One line on what a tool was asked to do: the file, the command, the pattern; else the input itself. */
import { cut } from "./words.ts";

/** Inputs that say it best, by tool; the first that is there. Tools not listed: these in this order, too. */
const TELLING = [
  "command",
  "file_path",
  "notebook_path",
  "path",
  "pattern",
  "query",
  "url",
  "description",
  "prompt",
  "subject",
  "skill",
];

const WIDTH = 100;

/**
 * `Bash npm test`, `Edit src/cart.ts`: paths below `root` are told from there. The text is not made safe for a
 * terminal here.
 */
export function describeTool(toolName: string | undefined, toolInput: unknown, root?: string): string {
  const name = toolName === undefined || toolName === "" ? "tool" : toolName;
  const said = telling(toolInput);
  const told = root === undefined || root === "" ? said : said.replaceAll(`${root}/`, "");
  return cut(told === "" ? name : `${name} ${told}`, WIDTH);
}

function telling(input: unknown): string {
  if (typeof input === "string") return oneLine(input);
  if (input === null || typeof input !== "object") return "";
  const fields = input as Record<string, unknown>;
  for (const key of TELLING) {
    const value = fields[key];
    if (typeof value === "string" && value.trim() !== "") return oneLine(value);
  }
  if (Object.keys(fields).length === 0) return "";
  return oneLine(jsonOf(fields));
}

/** The first line that says something; the rest is told of by an ellipsis. */
function oneLine(text: string): string {
  const head = text.slice(0, 2000).trim();
  const end = head.search(/[\r\n]/);
  return end === -1 ? head : `${head.slice(0, end).trimEnd()} …`;
}

function jsonOf(fields: object): string {
  try {
    return JSON.stringify(fields) ?? "";
  } catch {
    return "";
  }
}
