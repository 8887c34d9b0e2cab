/** What differs between two commits, without running any diff program, filter or text conversion. */
import { fields, runGit } from "../git/git.ts";

export interface ChangedFile {
  readonly path: string;
  /** Undefined for a binary file. */
  readonly insertions: number | undefined;
  readonly deletions: number | undefined;
}

export interface DiffStats {
  readonly files: number;
  readonly insertions: number;
  readonly deletions: number;
}

export interface DiffRequest {
  readonly gitDir: string;
  readonly from: string;
  readonly to: string;
  readonly signal?: AbortSignal | undefined;
}

const PLAIN = ["--no-color", "--ignore-submodules=none"];

/** Files that differ, with counts of lines. Renames are a removal and an addition. */
export async function changedFiles({ gitDir, from, to, signal }: DiffRequest): Promise<ChangedFile[]> {
  if (from === to) return [];
  const args = ["diff-tree", "-r", "-z", "--numstat", "--no-renames", ...PLAIN, from, to, "--"];
  const { stdout } = await runGit(args, { gitDir, signal });
  return fields(stdout, "utf8").map((line) => {
    const [insertions = "-", deletions = "-", ...path] = line.split("\t");
    return { path: path.join("\t"), insertions: count(insertions), deletions: count(deletions) };
  });
}

export async function diffStats(request: DiffRequest): Promise<DiffStats> {
  const stats = { files: 0, insertions: 0, deletions: 0 };
  for (const file of await changedFiles(request)) {
    stats.files += 1;
    stats.insertions += file.insertions ?? 0;
    stats.deletions += file.deletions ?? 0;
  }
  return stats;
}

export interface DiffText {
  readonly text: string;
  /** Whether the end was cut off at `maxBytes`. */
  readonly truncated: boolean;
}

/**
 * The difference as a unified diff, renames shown as such. `paths` are taken literally. Cut off after
 * `maxBytes` (default 2 MiB) at the end of a line.
 */
export async function diffText(
  request: DiffRequest & {
    readonly paths?: readonly string[];
    readonly maxBytes?: number;
    readonly context?: number;
  },
): Promise<DiffText> {
  const { gitDir, from, to, signal } = request;
  const context = `-U${Math.max(0, Math.trunc(request.context ?? 3))}`;
  const args = ["diff-tree", "-r", "-p", "-M", "--full-index", context, ...PLAIN, from, to, "--"];
  const { stdout, truncated } = await runGit([...args, ...(request.paths ?? [])], {
    gitDir,
    signal,
    maxOutputBytes: request.maxBytes ?? 2 * 1024 * 1024,
    truncate: true,
  });
  if (!truncated) return { text: stdout.toString("utf8"), truncated };
  return { text: stdout.subarray(0, stdout.lastIndexOf(10) + 1).toString("utf8"), truncated };
}

function count(text: string): number | undefined {
  return text === "-" ? undefined : Number(text);
}
