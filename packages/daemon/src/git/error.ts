/**
 * What can go wrong in the world of git. Each error has a literal `code`, the facts as fields, and a
 * message in full sentences that ends in the next step, fit to be shown to a person as it is.
 */

export const GIT_ERROR_CODES = [
  "git_failed",
  "git_missing",
  "git_too_old",
  "timed_out",
  "output_too_large",
  "not_a_repository",
  "no_commit",
  "no_such_revision",
  "branch_exists",
  "path_taken",
  "dirty_checkout",
  "moved_on",
  "conflict",
  "unsafe_url",
  "unsafe_name",
  "remote_failed",
  "partial_clone",
  "worktree_gone",
  "outside_root",
  "snapshot_failed",
  "pull_request_failed",
  "pull_request_tool_missing",
] as const;
export type GitErrorCode = (typeof GIT_ERROR_CODES)[number];

/** What a reader of the error may want to know beyond its sentence. */
export interface GitErrorFacts {
  readonly args?: readonly string[];
  readonly exitCode?: number;
  readonly stderr?: string;
  readonly path?: string;
  readonly ref?: string;
  /** Files with conflicts, relative to the repository's top. */
  readonly files?: readonly string[];
  /** Command that a person can run to finish by hand. */
  readonly command?: string;
}

export class GitError extends Error {
  override readonly name = "GitError";
  readonly code: GitErrorCode;
  readonly facts: GitErrorFacts;

  constructor(code: GitErrorCode, message: string, facts: GitErrorFacts = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.facts = facts;
  }
}

export function isGitError(error: unknown, code?: GitErrorCode): error is GitError {
  return error instanceof GitError && (code === undefined || error.code === code);
}

/** First line of git's complaint without its prefix, at most 500 characters. */
export function complaint(stderr: string): string {
  const lines = stderr.split("\n").map((line) => line.trim());
  const telling = lines.find((line) => /^(fatal|error):/.test(line)) ?? lines.find((line) => line !== "");
  return (telling ?? "git said nothing").replace(/^(fatal|error): /, "").slice(0, 500);
}

/** A path or word as a person would have to type it in a POSIX shell. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
