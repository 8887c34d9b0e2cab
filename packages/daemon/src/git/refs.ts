/** Reading and moving refs, always by compare-and-swap, and names that may be refs. */
import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { GitError } from "./error.ts";
import { fields, gitText, runGit } from "./git.ts";

export interface RefMove {
  readonly ref: string;
  /** Commit that the ref names afterwards; undefined deletes it. */
  readonly to: string | undefined;
  /** What it must name now: a commit, `absent`, or `any`. */
  readonly from: string;
}

/** Whether text is a whole object id. */
export function isObjectId(text: string): boolean {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text);
}

/**
 * Whether git takes the name as a branch: the rules of `git check-ref-format --branch`, without its
 * `@{-1}` meanings, and never an option.
 */
export function isBranchName(name: string): boolean {
  if (name === "" || name === "@" || name === "HEAD" || name.length > 240 || name.startsWith("-"))
    return false;
  // oxlint-disable-next-line no-control-regex -- control characters are what it looks for
  if (/[\u0000-\u0020\u007f~^:?*[\\]|\.\.|@\{|\/\/|^\/|\/$|\.$/.test(name)) return false;
  return name.split("/").every((part) => part !== "" && !part.startsWith(".") && !part.endsWith(".lock"));
}

/** Throws `unsafe_name` unless the name can be a branch. */
export function requireBranchName(name: string): string {
  if (isBranchName(name)) return name;
  throw new GitError(
    "unsafe_name",
    `${JSON.stringify(name)} cannot be the name of a branch. Choose a name of letters, digits, "-" and "/".`,
    { ref: name },
  );
}

/** A task's or checkpoint's id inside a ref. Ids are made by makima; this is what keeps it so. */
export function requireRefPart(part: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]{0,120}$/.test(part) && isBranchName(part)) return part;
  throw new GitError(
    "unsafe_name",
    `${JSON.stringify(part)} cannot be part of a ref. Use letters and digits.`,
    {
      ref: part,
    },
  );
}

/** Commit that a ref names, or undefined when there is no such ref. */
export async function readRef(
  gitDir: string,
  ref: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const { exitCode, stdout } = await runGit(
    ["rev-parse", "--verify", "--quiet", "--end-of-options", `${ref}^{commit}`],
    { gitDir, signal, okCodes: [0, 1, 128] },
  );
  const id = stdout.toString("utf8").trim();
  return exitCode === 0 && isObjectId(id) ? id : undefined;
}

/** Commit of a revision that a person or the server named. Throws `no_such_revision`. */
export async function requireCommit(gitDir: string, revision: string, signal?: AbortSignal): Promise<string> {
  const id = await readRef(gitDir, revision, signal);
  if (id !== undefined) return id;
  throw new GitError(
    "no_such_revision",
    `There is no commit called ${JSON.stringify(revision)} in ${gitDir}. Check the name of the branch, or fetch it first.`,
    { ref: revision, path: gitDir },
  );
}

/** Refs of these names, or below those that end in `/`, with the objects they name. */
export async function listRefs(
  gitDir: string,
  names: string | readonly string[],
  signal?: AbortSignal,
): Promise<{ ref: string; commit: string }[]> {
  const { stdout } = await runGit(
    ["for-each-ref", "--format=%(objectname)%00%(refname)%00", ...[names].flat()],
    {
      gitDir,
      signal,
    },
  );
  const flat = fields(stdout, "utf8").map((field) => field.replace(/^\n/, ""));
  const refs: { ref: string; commit: string }[] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) {
    refs.push({ commit: flat[at] as string, ref: flat[at + 1] as string });
  }
  return refs;
}

/**
 * Moves refs in one transaction: all or none. Throws `moved_on` when one of them does not name what was
 * expected.
 */
export async function moveRefs(
  gitDir: string,
  moves: readonly RefMove[],
  options: { reason?: string; signal?: AbortSignal | undefined } = {},
): Promise<void> {
  if (moves.length === 0) return;
  await clearStaleLocks(gitDir, moves);
  const zero = "0".repeat((moves.find((move) => move.to !== undefined)?.to ?? "").length || 40);
  const lines = moves.map(({ ref, to, from }) => {
    const old = from === "absent" ? zero : from === "any" ? "" : from;
    return to === undefined ? `delete ${ref}\0${old}\0` : `update ${ref}\0${to}\0${old}\0`;
  });
  const args = ["update-ref", "-m", options.reason ?? "makima", "--stdin", "-z"];
  const { exitCode, stderr } = await runGit(args, {
    gitDir,
    input: lines.join(""),
    signal: options.signal,
    okCodes: [0, 1, 128],
  });
  if (exitCode === 0) return;
  const names = moves.map((move) => move.ref).join(", ");
  if (/but expected|already exists|unable to resolve reference|reference is missing/.test(stderr)) {
    throw new GitError(
      "moved_on",
      `${names} in ${gitDir} changed while makima was about to move it. Nothing was changed; try again.`,
      { ref: names, path: gitDir, stderr },
    );
  }
  throw new GitError(
    "git_failed",
    `${names} could not be written in ${gitDir}: ${stderr.trim().slice(0, 500)} Remove what is in the way (a full disk, or a *.lock file that no running git holds) and try again.`,
    { ref: names, path: gitDir, stderr, exitCode },
  );
}

/**
 * A git that was killed leaves `<ref>.lock`. Refs under `refs/makima/` are written only by the daemon that
 * owns the task, one at a time, so an old lock there has no holder. Locks of other refs are left alone.
 */
async function clearStaleLocks(gitDir: string, moves: readonly RefMove[]): Promise<void> {
  for (const { ref } of moves) {
    if (!ref.startsWith("refs/makima/")) continue;
    const lock = join(gitDir, `${ref}.lock`);
    const found = await stat(lock).catch(() => undefined);
    if (found !== undefined && Date.now() - found.mtimeMs > 10_000) await rm(lock, { force: true });
  }
}

/** Whether `ancestor` is `commit` or one of its ancestors. */
export async function isAncestor(
  gitDir: string,
  ancestor: string,
  commit: string,
  signal?: AbortSignal,
): Promise<boolean> {
  if (ancestor === commit) return true;
  const { exitCode } = await runGit(["merge-base", "--is-ancestor", ancestor, commit], {
    gitDir,
    signal,
    okCodes: [0, 1],
  });
  return exitCode === 0;
}

/** Tree of a commit. */
export async function treeOf(gitDir: string, commit: string, signal?: AbortSignal): Promise<string> {
  return gitText(["rev-parse", "--verify", "--end-of-options", `${commit}^{tree}`], { gitDir, signal });
}
