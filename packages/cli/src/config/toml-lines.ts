/** Finds the line that a key of a TOML file stands on; the parser itself gives values without places. */

const HEADER = /^\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$/;
const ASSIGNMENT =
  /^\s*((?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+))*)\s*=/;

/**
 * Line (from 1) of a key, or of the nearest table above it that has one.
 * Lines inside multi-line strings and lists are skipped.
 */
export function lineOf(text: string, path: readonly string[]): number | undefined {
  const wanted = path.join(".");
  let table = "";
  let best: { line: number; length: number } | undefined;
  let closing: string | undefined;
  let depth = 0;
  text.split("\n").forEach((raw, index) => {
    const line = raw.replace(/\r$/, "");
    if (closing !== undefined) {
      if (line.includes(closing)) closing = undefined;
      return;
    }
    if (depth > 0) {
      depth += brackets(line);
      return;
    }
    const header = HEADER.exec(line);
    if (header) {
      table = parts(header[1] ?? "").join(".");
      remember(table, index + 1);
      return;
    }
    const assignment = ASSIGNMENT.exec(line);
    if (!assignment) return;
    const key = [table, ...parts(assignment[1] ?? "")].filter((part) => part !== "").join(".");
    remember(key, index + 1);
    const value = line.slice(assignment[0].length);
    const quote = /^\s*("""|''')/.exec(value)?.[1];
    if (quote !== undefined && !value.slice(value.indexOf(quote) + 3).includes(quote)) closing = quote;
    else if (quote === undefined) depth = Math.max(0, brackets(value));
  });
  return best?.line;

  function remember(key: string, line: number): void {
    const matches = wanted === key || wanted.startsWith(`${key}.`);
    if (matches && (best === undefined || key.length > best.length)) best = { line, length: key.length };
  }
}

function parts(dotted: string): string[] {
  return [...dotted.matchAll(/"([^"]*)"|'([^']*)'|([^.\s]+)/g)].map(
    (found) => found[1] ?? found[2] ?? found[3] ?? "",
  );
}

/** Brackets that a line opens and does not close, strings and comments aside. */
function brackets(line: string): number {
  const bare = line.replaceAll(/"(?:\\.|[^"\\])*"|'[^']*'/g, "").replace(/#.*$/, "");
  return [...bare].reduce(
    (sum, sign) => sum + (sign === "[" || sign === "{" ? 1 : sign === "]" || sign === "}" ? -1 : 0),
    0,
  );
}
