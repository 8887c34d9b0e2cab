/**
 * The store of a task's repository: where its branches and checkpoints are kept. For a local repository
 * the person's own git directory, of which only `refs/makima/` and the task's branch are written; for a
 * remote one a bare mirror; for a managed one a bare repository that makima makes.
 */
import { mkdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { GitError } from "./error.ts";
import { gitText, runGit } from "./git.ts";
import { locateRepository } from "./inspect.ts";
import type { KeyedLock } from "./keyed-lock.ts";
import { fetchMirror, requireMirror } from "./mirror.ts";
import { isObjectId, moveRefs, readRef, requireRefPart } from "./refs.ts";

export interface Store {
  readonly kind: "local" | "remote" | "managed";
  /** Git directory with objects and branches. */
  readonly gitDir: string;
  readonly objectFormat: "sha1" | "sha256";
  /** Top folder of the person's checkout, of a local repository that has one. */
  readonly checkout?: string;
  readonly url?: string;
}

export interface StoreRequest {
  readonly repository: {
    readonly id: string;
    readonly kind: "local" | "remote" | "managed";
    readonly path?: string | undefined;
    readonly url?: string | undefined;
    readonly baseBranch?: string | undefined;
  };
  /** Folder of mirrors and managed repositories. */
  readonly reposDir: string;
  readonly allowFileUrls: boolean;
  readonly locks: KeyedLock;
  /** Ask the remote for news. Default true; false takes a mirror as it is. */
  readonly fetch?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Opens, and for remote and managed repositories makes, the store. Throws `not_a_repository`, `no_commit`,
 * `unsafe_url` or `remote_failed`.
 */
export async function openStore(request: StoreRequest): Promise<Store> {
  const { repository, locks, signal } = request;
  switch (repository.kind) {
    case "local":
      return openLocal(repository.path, signal);
    case "remote":
      return locks.run(`repository:${repository.id}`, () => openRemote(request), signal);
    case "managed":
      return locks.run(`repository:${repository.id}`, () => openManaged(request), signal);
  }
}

export interface Base {
  readonly commit: string;
  /** Short name of the branch it was read from; undefined for a detached HEAD or a plain commit. */
  readonly branch: string | undefined;
}

/** The commit that a task starts from: of the named branch, tag or commit, else of the store's own HEAD. */
export async function resolveBase(store: Store, name?: string, signal?: AbortSignal): Promise<Base> {
  if (name === undefined) return defaultBase(store, signal);
  const heads = `refs/heads/${name}`;
  const remote = `refs/remotes/origin/${name}`;
  for (const ref of store.kind === "remote" ? [remote, heads] : [heads, remote]) {
    const commit = await readRef(store.gitDir, ref, signal);
    if (commit !== undefined) return { commit, branch: name };
  }
  const commit = await readRef(store.gitDir, name, signal);
  if (commit !== undefined) return { commit, branch: undefined };
  throw new GitError(
    "no_such_revision",
    `There is no branch or commit called ${JSON.stringify(name)} in ${store.gitDir}. List the branches with: git branch -a`,
    { ref: name, path: store.gitDir },
  );
}

async function defaultBase(store: Store, signal?: AbortSignal): Promise<Base> {
  const head = store.kind === "remote" ? "refs/remotes/origin/HEAD" : "HEAD";
  const prefix = store.kind === "remote" ? "refs/remotes/origin/" : "refs/heads/";
  const gitDir = store.gitDir;
  const args = ["rev-parse", "--quiet", `${head}^{commit}`, "--symbolic-full-name", head];
  const { exitCode, stdout } = await runGit(args, { gitDir, signal, okCodes: [0, 1, 128] });
  const [commit = "", target = ""] = stdout.toString("utf8").split("\n");
  if (exitCode === 0 && isObjectId(commit)) {
    return { commit, branch: target.startsWith(prefix) ? target.slice(prefix.length) : undefined };
  }
  throw new GitError(
    "no_commit",
    `The repository ${store.url ?? gitDir} has no default branch with a commit. Push a first commit to it, or name a base branch.`,
    { path: gitDir },
  );
}

async function openLocal(path: string | undefined, signal?: AbortSignal): Promise<Store> {
  if (path === undefined) {
    throw new GitError(
      "not_a_repository",
      "This local repository has no path. Register it again with its folder.",
    );
  }
  const found = await locateRepository(path, signal);
  const { commonDir: gitDir, objectFormat, topLevel } = found;
  return { kind: "local", gitDir, objectFormat, ...(topLevel === undefined ? {} : { checkout: topLevel }) };
}

async function openRemote(request: StoreRequest): Promise<Store> {
  const { repository, reposDir, allowFileUrls, signal } = request;
  const url = repository.url ?? "";
  const gitDir = join(reposDir, `${requireRefPart(repository.id)}.git`);
  const made = await requireMirror({ gitDir, url, allowFileUrls, signal });
  if (!made && request.fetch !== false) await fetchMirror({ gitDir, url, allowFileUrls, signal });
  return { kind: "remote", gitDir, objectFormat: await formatOf(gitDir, signal), url };
}

async function openManaged(request: StoreRequest): Promise<Store> {
  const { repository, reposDir, signal } = request;
  const gitDir = join(reposDir, `${requireRefPart(repository.id)}.git`);
  if (!(await exists(gitDir))) await makeManaged(gitDir, repository.baseBranch ?? "main", signal);
  return { kind: "managed", gitDir, objectFormat: await formatOf(gitDir, signal) };
}

/** Made under another name and renamed, so that a half-made one is never taken for whole. */
async function makeManaged(gitDir: string, branch: string, signal?: AbortSignal): Promise<void> {
  const half = `${gitDir}.new`;
  await rm(half, { recursive: true, force: true });
  await mkdir(half, { recursive: true });
  await runGit(["init", "-q", "--bare", "--template=", `--initial-branch=${branch}`, half], {
    cwd: half,
    signal,
  });
  const at = { gitDir: half, signal };
  const tree = await gitText(["mktree"], { ...at, input: "" });
  const commit = await gitText(["commit-tree", tree, "-m", "chore: start"], {
    ...at,
    config: ["user.name=makima", "user.email=makima@localhost"],
    env: { GIT_AUTHOR_NAME: "makima", GIT_AUTHOR_EMAIL: "makima@localhost" },
  });
  await moveRefs(half, [{ ref: `refs/heads/${branch}`, to: commit, from: "absent" }], { signal });
  await rename(half, gitDir);
}

async function formatOf(gitDir: string, signal?: AbortSignal): Promise<"sha1" | "sha256"> {
  return (await gitText(["rev-parse", "--show-object-format"], { gitDir, signal })) as "sha1" | "sha256";
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
