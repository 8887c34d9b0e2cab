/**
 * The repository that `makima run` stands in, looked at before anything is started: is there one, has it a
 * commit, from which branch does work begin, and what of the person's own would the agent not see.
 */
import { realpath, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { CliError, usageError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";
import { shellWord, shortCommit } from "../print/words.ts";
import { callGit, said } from "./call-git.ts";
import { nearest } from "./nearest.ts";

export interface LocalRepository {
  /** Its top folder, by real path. */
  path: string;
  /** Where work begins: the branch as given with --base, else the one that is checked out. */
  baseBranch: string;
  baseCommit: string;
  /** Files with uncommitted changes; they are not part of the base. */
  uncommitted: number;
}

export interface Wanted {
  base?: string | undefined;
  target?: string | undefined;
  /** Whether work is to be merged into a branch of this repository. */
  merges: boolean;
}

/** `merge-tree --write-tree`, with which makima merges without a checkout, came with git 2.38. */
const NEEDED_GIT: readonly [number, number] = [2, 38];

/** Looks at the repository around `folder`. Throws a CliError with exit 2 on whatever work cannot begin from. */
export async function findRepository(folder: string, wanted: Wanted): Promise<LocalRepository> {
  const at = await folderAt(folder);
  await requireGit(at);
  const path = await topFolder(at);
  const head = await callGit(path, ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]);
  if (head.code !== 0 && wanted.base === undefined) throw await noCommit(path);
  const baseBranch = wanted.base ?? (await currentBranch(path, said(head)));
  const baseCommit = await commitOf(path, baseBranch, "--base");
  if (wanted.merges) await requireTarget(path, wanted.target ?? baseBranch, wanted.target !== undefined);
  return { path, baseBranch, baseCommit, uncommitted: await countUncommitted(path) };
}

async function folderAt(folder: string): Promise<string> {
  const at = resolve(folder);
  const found = await stat(at).catch(() => undefined);
  if (!found) throw usageError(`There is no folder ${at}.`, 'makima run --repo PATH "GOAL"');
  if (!found.isDirectory())
    throw usageError(`${at} is a file, not a folder.`, 'makima run --repo PATH "GOAL"');
  return await realpath(at);
}

async function requireGit(cwd: string): Promise<void> {
  const answer = await callGit(cwd, ["version"]);
  if (answer.code !== 0) {
    throw new CliError({
      code: "GIT_MISSING",
      message: "git was not found.",
      why: `makima keeps each task's work in a git repository, and running git failed: ${answer.failure ?? answer.stderr.trim()}`,
      next: [
        "Install git 2.38 or newer (https://git-scm.com/downloads), then run this again",
        "makima doctor",
      ],
      exit: EXIT.error,
    });
  }
  const [, major = 0, minor = 0] = (/(\d+)\.(\d+)/.exec(answer.stdout) ?? []).map(Number);
  if (major > NEEDED_GIT[0] || (major === NEEDED_GIT[0] && minor >= NEEDED_GIT[1])) return;
  throw new CliError({
    code: "GIT_TOO_OLD",
    message: `This is ${said(answer)}, and makima needs git ${NEEDED_GIT.join(".")} or newer.`,
    why: "Older ones cannot merge branches without touching your checkout.",
    next: ["Upgrade git (https://git-scm.com/downloads), then run this again", "makima doctor"],
    exit: EXIT.error,
  });
}

async function topFolder(at: string): Promise<string> {
  const top = await callGit(at, ["rev-parse", "--show-toplevel"]);
  if (top.code === 0 && said(top) !== "") return await realpath(said(top));
  if (top.stderr.includes("dubious ownership")) {
    throw new CliError({
      code: "REPOSITORY_NOT_TRUSTED",
      message: `git does not trust the repository at ${at}: it belongs to another user.`,
      why: "git refuses to work in it until you say that it is safe.",
      next: [`git config --global --add safe.directory ${shellWord(at)}`],
      exit: EXIT.usage,
    });
  }
  const bare = await callGit(at, ["rev-parse", "--is-bare-repository"]);
  const inGitFolder = bare.code === 0;
  throw new CliError({
    code: "NOT_A_REPOSITORY",
    message: inGitFolder
      ? `${at} is a git folder without files, not a checkout.`
      : `${at} is not in a git repository.`,
    why: "The agent works in a copy of a repository and hands its work back as a commit, so there must be one.",
    next: inGitFolder
      ? [`git clone ${shellWord(at)} work, then run this in it`]
      : [
          "cd to your repository, or name it with --repo PATH",
          `To make one here: git init ${shellWord(at)}, then add and commit your files`,
        ],
    exit: EXIT.usage,
  });
}

async function noCommit(path: string): Promise<CliError> {
  const empty = await callGit(path, ["for-each-ref", "--count=1", "refs/heads"]);
  const hasBranches = said(empty) !== "";
  return new CliError({
    code: "NO_COMMIT",
    message: hasBranches
      ? `The branch checked out in ${path} has no commit yet.`
      : `The repository at ${path} has no commit yet.`,
    why: "Work begins from a commit, and there is none to begin from.",
    next: hasBranches
      ? ["Name a branch that has commits: --base BRANCH"]
      : [`git -C ${shellWord(path)} add -A && git -C ${shellWord(path)} commit -m "Begin"`],
    exit: EXIT.usage,
  });
}

async function currentBranch(path: string, head: string): Promise<string> {
  const branch = await callGit(path, ["symbolic-ref", "--quiet", "--short", "HEAD"]);
  if (branch.code === 0 && said(branch) !== "") return said(branch);
  throw new CliError({
    code: "DETACHED_HEAD",
    message: `No branch is checked out in ${path}: HEAD is detached at ${shortCommit(head)}.`,
    why: "Work begins from a branch and may be merged back into it, so makima must know which.",
    next: ["Name it: --base BRANCH", `git -C ${shellWord(path)} switch BRANCH`],
    exit: EXIT.usage,
  });
}

async function commitOf(path: string, name: string, flag: string): Promise<string> {
  for (const ref of [`refs/heads/${name}`, `refs/remotes/origin/${name}`, `refs/remotes/${name}`, name]) {
    const found = await callGit(path, [
      "rev-parse",
      "--verify",
      "--quiet",
      "--end-of-options",
      `${ref}^{commit}`,
    ]);
    if (found.code === 0) return said(found);
  }
  throw await unknownBranch(path, name, flag);
}

async function requireTarget(path: string, target: string, isGiven: boolean): Promise<void> {
  const found = await callGit(path, ["show-ref", "--verify", "--quiet", "--", `refs/heads/${target}`]);
  if (found.code === 0) return;
  if (isGiven) throw await unknownBranch(path, target, "--target");
  throw new CliError({
    code: "NO_TARGET",
    message: `${target} is not a branch of ${path}, so nothing can be merged into it.`,
    why: "--action merge merges into the base unless a target is named.",
    next: [
      "Name the branch to merge into: --target BRANCH",
      "Or keep the work on its own branch: --action branch",
    ],
    exit: EXIT.usage,
  });
}

async function unknownBranch(path: string, name: string, flag: string): Promise<CliError> {
  const list = await callGit(path, [
    "for-each-ref",
    "--count=2000",
    "--format=%(refname:short)",
    "refs/heads",
    "refs/remotes",
  ]);
  const branches = said(list)
    .split("\n")
    .filter((branch) => branch !== "" && !branch.endsWith("/HEAD"));
  const close = nearest(name, branches);
  return new CliError({
    code: "UNKNOWN_BRANCH",
    message: `${path} has no branch ${JSON.stringify(name)}, which ${flag} names.`,
    why: close ? `There is one called ${close}.` : undefined,
    next: [
      ...(close ? [`${flag} ${shellWord(close)}`] : []),
      `git -C ${shellWord(path)} branch --all    lists what there is`,
    ],
    exit: EXIT.usage,
  });
}

async function countUncommitted(path: string): Promise<number> {
  const status = await callGit(path, [
    "status",
    "--porcelain=v1",
    "-z",
    "--untracked-files=normal",
    "--no-renames",
  ]);
  return status.code === 0 ? status.stdout.split("\0").filter((entry) => entry !== "").length : 0;
}
