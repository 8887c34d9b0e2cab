/**
 * Names that are safe in a branch, a folder and a shell, made from names that are not.
 *
 * A slug is lower-case ASCII letters, digits and single hyphens, begins and ends with a letter or digit, and so keeps
 * every rule that git has for references (no dots, no `@{`, no `.lock`, no control characters, no leading
 * hyphen). Different names may have the same slug; what must be unique carries a short id besides.
 */

const MAX_SLUG = 40;

/** The slug of `name`, at most `max` characters; `fallback` where nothing of the name is left. */
export function slug(name: string, max = MAX_SLUG, fallback = "task"): string {
  const ascii = name
    .slice(0, 1000)
    .normalize("NFKD")
    .replace(/\p{M}+/gu, "")
    .toLowerCase()
    .replace(/ß/g, "ss")
    .replace(/[^a-z0-9]+/g, "-");
  return cut(ascii, max) || fallback;
}

/** At most `max` characters, at a hyphen where that loses less than half. */
function cut(text: string, max: number): string {
  const trimmed = text.replace(/^-|-$/g, "");
  if (trimmed.length <= max) return trimmed;
  const head = trimmed.slice(0, max);
  const hyphen = head.lastIndexOf("-");
  const whole = trimmed[max] === "-" ? head : hyphen > max / 2 ? head.slice(0, hyphen) : head;
  return whole.replace(/-$/, "");
}

/** `makima/<contract>/<task>-<short id>`; all three are made safe, so that any names may be given. */
export function branchName(contractSlug: string, taskSlug: string, shortId: string): string {
  const contract = slug(contractSlug, MAX_SLUG, "contract");
  return `makima/${contract}/${slug(taskSlug)}-${slug(shortId, 20, "id")}`;
}

/**
 * Whether git would take `name` as a branch, and makima too: git's own rules (`git check-ref-format
 * --branch`), and no leading hyphen. For names that people and agents give.
 */
export function isBranchName(name: string): boolean {
  if (name === "" || name.length > 200 || name === "@" || name === "HEAD") return false;
  if (/^[-/]|[/.]$|\/\/|\.\.|@\{/.test(name)) return false;
  for (const char of name) {
    const code = char.codePointAt(0) ?? 0;
    if (code <= 32 || code === 127 || "~^:?*[\\".includes(char)) return false;
  }
  return name.split("/").every((part) => !part.startsWith(".") && !part.endsWith(".lock"));
}
