/**
 * Pushes to a remote, only if the remote's branch is still what it was thought to be. A push whose answer
 * was lost is found again: the remote then has the commit already.
 */
import { GitError, isGitError, shellWord } from "../git/error.ts";
import { runGit, gitText } from "../git/git.ts";
import { remoteFailed } from "../git/mirror.ts";
import { isObjectId, requireBranchName, requireCommit } from "../git/refs.ts";
import { requireRepositoryUrl } from "../git/repository-url.ts";
import type { Store } from "../git/store.ts";

export interface PushTarget {
  readonly store: Store;
  /** Name of a remote of the store, or an address. Default `origin`. */
  readonly remote?: string | undefined;
  readonly allowFileUrls?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface PushCommit extends PushTarget {
  readonly commit: string;
  /** Branch of the remote. */
  readonly branch: string;
  /** Commit that the branch must be at there; `absent`; or undefined to take what it is at now. */
  readonly expected?: string | undefined;
}

export interface Pushed {
  readonly remote: string;
  readonly branch: string;
  readonly commit: string;
  /** False when the remote had it already. */
  readonly pushed: boolean;
}

const TIMEOUT_MS = 1_800_000;

/**
 * Pushes one commit as a branch. Without `expected` it is for a branch that only makima writes: it replaces
 * whatever of this branch is there now. Throws `moved_on` or `remote_failed`.
 */
export async function pushCommit(request: PushCommit): Promise<Pushed> {
  const { store, commit, signal } = request;
  const branch = requireBranchName(request.branch);
  const { remote, url } = await addressOf(request);
  const ref = `refs/heads/${branch}`;
  const now = await remoteCommit(request, remote, url, ref);
  if (now === commit) return { remote: url, branch, commit, pushed: false };
  const lease = request.expected === "absent" ? "" : (request.expected ?? now ?? "");
  const args = [
    "push",
    "--quiet",
    "--no-verify",
    `--force-with-lease=${ref}:${lease}`,
    "--",
    remote,
    `${commit}:${ref}`,
  ];
  try {
    await runGit(args, { ...remoteOptions(request), gitDir: store.gitDir, signal });
  } catch (error) {
    if (!isGitError(error, "git_failed")) throw error;
    if (!/stale info|\[rejected\]|fetch first/.test(error.facts.stderr ?? "")) throw remoteFailed(url, error);
    const command = `git fetch ${shellWord(url)} ${shellWord(branch)}`;
    throw new GitError(
      "moved_on",
      `${branch} at ${url} changed since makima looked, so nothing was pushed. Fetch it and try again: ${command}`,
      { ref, command, stderr: error.facts.stderr ?? "" },
      error,
    );
  }
  return { remote: url, branch, commit, pushed: true };
}

/** Pushes the store's branch under its own name. */
export async function pushBranch(
  request: PushTarget & { readonly branch: string; readonly expected?: string },
): Promise<Pushed> {
  const { store, branch, signal } = request;
  const commit = await requireCommit(store.gitDir, `refs/heads/${requireBranchName(branch)}`, signal);
  return pushCommit({ ...request, commit });
}

/** Pushes a checkpoint's ref as it is named. Never replaces another commit. */
export async function pushRef(request: PushTarget & { readonly ref: string }): Promise<void> {
  const { store, ref, signal } = request;
  const { remote, url } = await addressOf(request);
  const args = ["push", "--quiet", "--no-verify", "--", remote, `${ref}:${ref}`];
  await runGit(args, { ...remoteOptions(request), gitDir: store.gitDir, signal }).catch((error: unknown) => {
    throw isGitError(error, "git_failed") ? remoteFailed(url, error) : error;
  });
}

/** Brings a pushed checkpoint from the remote into the store. Returns its commit. */
export async function fetchRef(request: PushTarget & { readonly ref: string }): Promise<string> {
  const { store, ref, signal } = request;
  const { remote, url } = await addressOf(request);
  const args = [
    "fetch",
    "--quiet",
    "--no-tags",
    "--no-write-fetch-head",
    "--no-auto-maintenance",
    "--refmap=",
  ];
  await runGit([...args, "--end-of-options", remote, `${ref}:${ref}`], {
    ...remoteOptions(request),
    gitDir: store.gitDir,
    signal,
  }).catch((error: unknown) => {
    throw isGitError(error, "git_failed") ? remoteFailed(url, error) : error;
  });
  return requireCommit(store.gitDir, ref, signal);
}

/** Address of the remote that a store pushes to. Throws `unsafe_url`, or `remote_failed` when it has none. */
export async function addressOf(request: PushTarget): Promise<{ remote: string; url: string }> {
  const { store, signal, allowFileUrls = false } = request;
  const rules = { allowFile: allowFileUrls };
  const named = request.remote ?? "origin";
  if (named.includes("/") || named.includes(":")) {
    return { remote: named, url: requireRepositoryUrl(named, rules) };
  }
  const args = ["config", "--get", `remote.${requireBranchName(named)}.url`];
  const { stdout } = await runGit(args, { gitDir: store.gitDir, signal, okCodes: [0, 1] });
  const url = stdout.toString("utf8").trim();
  if (url !== "") return { remote: named, url: requireRepositoryUrl(url, rules) };
  throw new GitError(
    "remote_failed",
    `The repository ${store.gitDir} has no remote called ${named}, so there is nowhere to push. Add one: git remote add ${named} <address>`,
    { path: store.gitDir },
  );
}

async function remoteCommit(
  request: PushTarget,
  remote: string,
  url: string,
  ref: string,
): Promise<string | undefined> {
  const options = { ...remoteOptions(request), gitDir: request.store.gitDir, signal: request.signal };
  const said = await gitText(["ls-remote", "--end-of-options", remote, ref], options).catch(
    (error: unknown) => {
      throw isGitError(error, "git_failed") ? remoteFailed(url, error) : error;
    },
  );
  const line = said.split("\n").find((row) => row.endsWith(`\t${ref}`));
  const id = line?.split("\t")[0];
  return id !== undefined && isObjectId(id) ? id : undefined;
}

function remoteOptions({ allowFileUrls = false }: PushTarget) {
  return { profile: "person", allowFile: allowFileUrls, timeoutMs: TIMEOUT_MS } as const;
}
