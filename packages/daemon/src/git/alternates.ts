/** Lists of object stores that a repository reads from beside its own: `objects/info/alternates`. */
import { lstat, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Names the object stores. Paths are absolute. */
export async function writeAlternates(gitDir: string, objectDirs: readonly string[]): Promise<void> {
  const file = join(gitDir, "objects", "info", "alternates");
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, objectDirs.map((dir) => `${quotePath(dir)}\n`).join(""));
}

/**
 * Whether a repository that an agent worked in reads objects only from where makima let it. Anything else
 * could bring objects of a foreign repository into this one.
 */
export async function hasOnlyAlternates(gitDir: string, objectDirs: readonly string[]): Promise<boolean> {
  const file = join(gitDir, "objects", "info", "alternates");
  const found = await lstat(file).catch(() => undefined);
  if (found === undefined) return true;
  if (!found.isFile() || found.size > 65_536) return false;
  const allowed = new Set(objectDirs.map(quotePath));
  const lines = (await readFile(file, "utf8"))
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  return lines.every((line) => allowed.has(line));
}

/** Value of `GIT_ALTERNATE_OBJECT_DIRECTORIES`. */
export function alternatesVariable(objectDirs: readonly string[]): string {
  return objectDirs.map((dir) => (dir.includes(":") ? cQuote(dir) : quotePath(dir))).join(":");
}

function quotePath(path: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what it looks for
  return /^["#]|[\u0000-\u001f]/.test(path) ? cQuote(path) : path;
}

/** git's C-style quoting, byte by byte. */
function cQuote(path: string): string {
  let quoted = '"';
  for (const byte of Buffer.from(path, "utf8")) {
    const char = String.fromCharCode(byte);
    if (char === '"' || char === "\\") quoted += `\\${char}`;
    else if (byte < 0x20 || byte >= 0x7f) quoted += `\\${byte.toString(8).padStart(3, "0")}`;
    else quoted += char;
  }
  return `${quoted}"`;
}
