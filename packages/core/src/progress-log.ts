/**
 * `progress.log`: what each iteration of a contract's tasks did and learned, newest last.
 *
 *     ## [2026-01-22T10:00:00Z] - Task [t-91c2]: parse dates
 *     - Status: not ready
 *     - Files changed: a.ts, b.ts
 *     - **Learnings:**
 *       - the parser is generated
 *     ---
 *
 * The file lies in the worktree and agents append to it too, so that reading is patient: an entry begins
 * at its heading and lasts until the rule or the next heading, and what is not understood in it is skipped.
 */

export interface ProgressEntry {
  /** RFC 3339, UTC. */
  at: string;
  /** Short id. */
  taskId: string;
  taskName: string;
  status: "done" | "failed" | "not ready";
  filesChanged: string[];
  learnings: string[];
}

/** How many names an entry lists before it counts the rest. */
const MAX_FILES = 20;

/** `entry` as it is appended to the file, with its rule and a newline at the end. */
export function formatProgress(entry: ProgressEntry): string {
  const { at, taskId, taskName, status, filesChanged, learnings } = entry;
  const lines = [
    `## [${oneLine(at)}] - Task [${oneLine(taskId)}]: ${oneLine(taskName)}`,
    `- Status: ${status}`,
  ];
  const shown = filesChanged.slice(0, MAX_FILES).map(oneLine);
  const more = filesChanged.length - shown.length;
  lines.push(
    `- Files changed: ${[...shown, ...(more > 0 ? [`… and ${more} more`] : [])].join(", ") || "none"}`,
  );
  if (learnings.length > 0)
    lines.push("- **Learnings:**", ...learnings.map((item) => `  - ${oneLine(item)}`));
  return `${lines.join("\n")}\n---\n`;
}

const HEADING = /^## \[([^\]]{1,60})\] - Task \[([^\]]{1,60})\]: (.*)$/;
const STATUS = /^- Status: (done|failed|not ready)\s*$/;

/** The entries of a progress log, oldest first. */
export function parseProgress(text: string): ProgressEntry[] {
  const entries: ProgressEntry[] = [];
  let entry: ProgressEntry | undefined;
  let learning = false;
  for (const line of text.split(/\r\n|\r|\n/)) {
    const heading = HEADING.exec(line);
    if (heading) {
      const [, at = "", taskId = "", taskName = ""] = heading;
      entry = { at, taskId, taskName, status: "not ready", filesChanged: [], learnings: [] };
      entries.push(entry);
      learning = false;
    } else if (line.startsWith("---")) {
      entry = undefined;
    } else if (entry) {
      learning = readLine(entry, line, learning);
    }
  }
  return entries;
}

function readLine(entry: ProgressEntry, line: string, learning: boolean): boolean {
  if (learning && line.startsWith("  - ")) {
    entry.learnings.push(line.slice(4));
    return true;
  }
  const status = STATUS.exec(line);
  if (status) entry.status = status[1] as ProgressEntry["status"];
  if (line.startsWith("- Files changed: ")) {
    const names = line.slice("- Files changed: ".length);
    entry.filesChanged =
      names === "none" ? [] : names.split(", ").filter((name) => !name.startsWith("… and "));
  }
  return line.startsWith("- **Learnings:**");
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}
