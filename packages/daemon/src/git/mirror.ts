/**
 * The bare mirror of a remote repository. Its branches are kept under `refs/remotes/origin/`, so that a
 * prune never takes makima's own branches and checkpoints away.
 */
import { mkdir, rename, rm, stat } from "node:fs/promises";
import { complaint, GitError, isGitError, shellWord } from "./error.ts";
import { gitText, runGit } from "./git.ts";
import { requireRepositoryUrl } from "./repository-url.ts";

export interface MirrorRequest {
  readonly gitDir: string;
  readonly url: string;
  readonly allowFileUrls: boolean;
  readonly signal?: AbortSignal | undefined;
}

const REFSPECS = ["+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"];
const FETCH_TIMEOUT_MS = 3_600_000;

/** Makes the mirror unless it is there. Returns whether it was made, and so is fresh. */
export async function requireMirror(request: MirrorRequest): Promise<boolean> {
  const { gitDir, signal } = request;
  const url = requireRepositoryUrl(request.url, { allowFile: request.allowFileUrls });
  if ((await stat(gitDir).catch(() => undefined)) !== undefined) {
    await runGit(["config", "remote.origin.url", url], { gitDir, signal });
    return false;
  }
  const half = `${gitDir}.new`;
  await rm(half, { recursive: true, force: true });
  await mkdir(half, { recursive: true });
  await runGit(["init", "-q", "--bare", "--template=", half], { cwd: half, signal });
  await runGit(["config", "remote.origin.url", url], { gitDir: half, signal });
  await runGit(["config", "gc.auto", "0"], { gitDir: half, signal });
  await fetchMirror({ ...request, gitDir: half });
  await readDefaultBranch({ ...request, gitDir: half });
  await rename(half, gitDir);
  return true;
}

/** Fetches all branches and tags. Throws `remote_failed`. */
export async function fetchMirror(request: MirrorRequest): Promise<void> {
  requireRepositoryUrl(request.url, { allowFile: request.allowFileUrls });
  const args = ["fetch", "--quiet", "--prune", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance"];
  await toRemote(request, [...args, "--end-of-options", "origin", ...REFSPECS]);
}

/** Notes which branch the remote calls its own, as `refs/remotes/origin/HEAD`. */
async function readDefaultBranch(request: MirrorRequest): Promise<void> {
  const said = await toRemote(request, ["ls-remote", "--symref", "--end-of-options", "origin", "HEAD"]);
  const target = /^ref: refs\/heads\/(\S+)\tHEAD$/m.exec(said)?.[1];
  if (target === undefined) return;
  const args = ["symbolic-ref", "refs/remotes/origin/HEAD", `refs/remotes/origin/${target}`];
  await runGit(args, { gitDir: request.gitDir, signal: request.signal });
}

async function toRemote(request: MirrorRequest, args: readonly string[]): Promise<string> {
  const { gitDir, url, allowFileUrls, signal } = request;
  const options = {
    gitDir,
    profile: "person",
    allowFile: allowFileUrls,
    timeoutMs: FETCH_TIMEOUT_MS,
  } as const;
  try {
    return await gitText(args, { ...options, signal });
  } catch (error) {
    if (!isGitError(error)) throw error;
    throw remoteFailed(url, error);
  }
}

/** The one wording of a remote that did not answer as hoped. */
export function remoteFailed(url: string, cause: GitError): GitError {
  const stderr = cause.facts.stderr ?? "";
  const command = `git ls-remote ${shellWord(url)}`;
  return new GitError(
    "remote_failed",
    `The remote repository ${url} could not be reached or refused: ${complaint(stderr)}. Check, as the daemon's user, that this works: ${command}`,
    { stderr, command },
    cause,
  );
}
