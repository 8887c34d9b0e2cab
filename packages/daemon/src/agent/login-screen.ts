/** Reads what `claude setup-token` paints on its terminal. Pure. */

/** Removes escape sequences and carriage returns. */
export function plainText(painted: string): string {
  return (
    painted
      // oxlint-disable-next-line no-control-regex
      .replace(/\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])/g, "")
      .replace(/\r+\n/g, "\n")
      .replaceAll("\r", "\n")
  );
}

const URL_LINE = /^[\w\-.~:/?#[\]@!$&'()*+,;=%]+$/;

/**
 * The address to open, once it is there to its end. It is broken over lines by the width of the terminal:
 * what follows it directly and could be part of it is; a blank line, or one with a space in it, ends it.
 */
export function loginUrl(painted: string): string | undefined {
  const lines = plainText(painted)
    .split("\n")
    .map((line) => line.trim());
  for (const [at, line] of lines.entries()) {
    const begin = line.indexOf("https://");
    if (begin === -1 || !/oauth|authorize|login/.test(lines.slice(at, at + 4).join(""))) continue;
    let url = line.slice(begin);
    if (/\s/.test(url)) return safe(url.split(/\s/)[0] ?? "");
    const following = lines.slice(at + 1);
    for (const [n, next] of following.entries()) {
      // The last line may not be painted to its end.
      if (n === following.length - 1) break;
      if (!URL_LINE.test(next)) return safe(url);
      url += next;
    }
  }
  return undefined;
}

/** The token that the command gives at its end; it too may be broken over lines. */
export function loginToken(painted: string): string | undefined {
  const lines = plainText(painted).split("\n");
  for (const [at, line] of lines.entries()) {
    const begin = /sk-ant-oat\d*-[\w-]*/.exec(line);
    if (!begin) continue;
    let token = begin[0];
    if (!line.trimEnd().endsWith(token)) return token;
    for (const next of lines.slice(at + 1)) {
      if (!/^[\w-]{8,}$/.test(next.trim())) break;
      token += next.trim();
    }
    return token;
  }
  return undefined;
}

/** Only an address of the web is shown to a person. */
function safe(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  const parsed = new URL(url);
  return parsed.protocol === "https:" && parsed.username === "" ? url : undefined;
}
