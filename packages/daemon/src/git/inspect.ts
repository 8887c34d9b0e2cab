/** What a folder on this host is to git: asked once, before makima works with it. */
import { realpath } from "node:fs/promises";
import type { GitProfile } from "./environment.ts";
import { GitError, isGitError } from "./error.ts";
import { gitFields, gitText, runGit } from "./git.ts";

export interface Repository {
  /** Top folder of the checkout; undefined for a bare repository. */
  readonly topLevel: string | undefined;
  /** Git directory of this checkout: of a linked worktree, its own below `worktrees/`. */
  readonly gitDir: string;
  /** Git directory with objects and branches, shared by all linked worktrees. */
  readonly commonDir: string;
  readonly objectFormat: "sha1" | "sha256";
  /** Commit that HEAD names. */
  readonly head: string;
  /** Branch that is checked out; undefined when HEAD is detached. */
  readonly branch: string | undefined;
  /** Whether tracked files differ from the last commit. Untracked ones do not count. */
  readonly dirty: boolean;
  readonly remotes: readonly { readonly name: string; readonly url: string }[];
}

/**
 * Looks from `path` upwards for a repository. Throws `not_a_repository` or `no_commit`. Nothing in it is
 * changed, the index's times neither.
 */
export async function inspectRepository(path: string, signal?: AbortSignal): Promise<Repository> {
  const found = await locateRepository(path, signal);
  const { gitDir, topLevel } = found;
  const branch = await currentBranch(gitDir, signal);
  const dirty = topLevel === undefined ? false : await isDirty(gitDir, topLevel, { signal });
  return { ...found, branch, dirty, remotes: await remotes(gitDir, signal) };
}

/** The part of it that does not look at files. */
export async function locateRepository(
  path: string,
  signal?: AbortSignal,
): Promise<Pick<Repository, "topLevel" | "gitDir" | "commonDir" | "objectFormat" | "head">> {
  // Side by side: a process of git costs more than its answer. Each answer ends with its one path, whose
  // name may hold line ends.
  const [{ gitDir, bare, objectFormat }, common, top, head] = await Promise.all([
    findGitDir(path, signal),
    ask(path, ["--git-common-dir"], signal),
    ask(path, ["--show-toplevel"], signal),
    ask(path, ["--verify", "--quiet", "HEAD^{commit}"], signal),
  ]);
  const topLevel = bare ? undefined : given(top);
  if (typeof head !== "string") throw noCommit(topLevel ?? path);
  return { topLevel, gitDir, commonDir: await realpath(given(common)), objectFormat, head };
}

export interface DirtyOptions {
  /** `person` runs the filters of the person's config, as they would by hand; `local`, the default, none. */
  readonly profile?: GitProfile;
  readonly signal?: AbortSignal | undefined;
}

/** Whether tracked files of a checkout differ from its HEAD. Submodules count by their commit alone. */
export async function isDirty(
  gitDir: string,
  workTree: string,
  options: DirtyOptions = {},
): Promise<boolean> {
  const { profile = "local", signal } = options;
  const args = ["status", "--porcelain", "-z", "--untracked-files=no", "--ignore-submodules=dirty"];
  const env = profile === "local" ? await withoutFilters(gitDir, signal) : {};
  return (await gitText(args, { gitDir, workTree, signal, profile, env })) !== "";
}

/** Settings, as environment, that switch off every filter that the repository's own config defines. */
async function withoutFilters(gitDir: string, signal?: AbortSignal): Promise<Record<string, string>> {
  const args = ["config", "--local", "--name-only", "-z", "--get-regexp", "^filter\\..*$"];
  const keys = await gitFields(args, { gitDir, signal, okCodes: [0, 1] });
  const env: Record<string, string> = { GIT_CONFIG_COUNT: String(keys.length) };
  for (const [i, key] of keys.entries()) {
    env[`GIT_CONFIG_KEY_${i}`] = key;
    env[`GIT_CONFIG_VALUE_${i}`] = key.endsWith(".required") ? "false" : "";
  }
  return env;
}

async function currentBranch(gitDir: string, signal?: AbortSignal): Promise<string | undefined> {
  const { stdout } = await runGit(["symbolic-ref", "--quiet", "HEAD"], { gitDir, signal, okCodes: [0, 1] });
  return /^refs\/heads\/(.+)\n$/.exec(stdout.toString("utf8"))?.[1];
}

interface Place {
  gitDir: string;
  bare: boolean;
  objectFormat: "sha1" | "sha256";
}

async function findGitDir(path: string, signal?: AbortSignal): Promise<Place> {
  try {
    const questions = ["--is-bare-repository", "--show-object-format", "--absolute-git-dir"];
    const [bare, objectFormat, ...rest] = given(await ask(path, questions, signal)).split("\n");
    return {
      gitDir: await realpath(rest.join("\n")),
      bare: bare === "true",
      objectFormat: objectFormat as Place["objectFormat"],
    };
  } catch (error) {
    if (!isGitError(error, "git_failed")) throw error;
    const stderr = error.facts.stderr ?? "";
    if (stderr.includes("dubious ownership")) {
      throw new GitError(
        "not_a_repository",
        `The repository at ${path} belongs to another user, and git does not trust it. Run the daemon as its owner, or give the folder to this user.`,
        { path, stderr },
        error,
      );
    }
    throw new GitError(
      "not_a_repository",
      `There is no git repository at ${path} or above it. Give the folder of a repository, or make one there with: git init`,
      { path, stderr },
      error,
    );
  }
}

/** The one kind of call that lets git look for the repository. An error where git refuses to answer. */
function ask(path: string, questions: string[], signal?: AbortSignal): Promise<string | GitError> {
  const args = ["rev-parse", "--path-format=absolute", ...questions];
  return gitText(args, { cwd: path, signal }).catch((error: unknown) => {
    if (isGitError(error, "git_failed")) return error;
    throw error;
  });
}

function given(answer: string | GitError): string {
  if (typeof answer === "string") return answer;
  throw answer;
}

function noCommit(path: string): GitError {
  return new GitError(
    "no_commit",
    `The repository at ${path} has no commit yet, so there is nothing to start a branch from. Make one: git commit --allow-empty -m "first commit"`,
    { path },
  );
}

async function remotes(gitDir: string, signal?: AbortSignal): Promise<{ name: string; url: string }[]> {
  const settings = await gitFields(["config", "--local", "-z", "--get-regexp", "^remote\\..*\\.url$"], {
    gitDir,
    signal,
    okCodes: [0, 1],
  });
  const found = new Map<string, string>();
  for (const setting of settings) {
    const split = setting.indexOf("\n");
    const name = setting.slice("remote.".length, split - ".url".length);
    if (split > 0 && !found.has(name)) found.set(name, setting.slice(split + 1));
  }
  return [...found].map(([name, url]) => ({ name, url }));
}
