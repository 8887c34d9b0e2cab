/**
 * The checks' own checkout: exactly the files of one commit, and dependencies, so that what an agent left
 * lying around cannot make a check pass. Kept warm per repository; one check at a time.
 */
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isGitError } from "../git/error.ts";
import { runGit } from "../git/git.ts";
import type { KeyedLock } from "../git/keyed-lock.ts";
import { requireOwnGitDir } from "../git/own-git-dir.ts";
import { requireRefPart } from "../git/refs.ts";
import type { Store } from "../git/store.ts";
import { checkDependencies, type KeptFolder } from "./check-dependencies.ts";
import { makeCloneGitDir } from "./clone-git-dir.ts";
import { copyFilesInto } from "./copy-files.ts";
import type { DependencyMode } from "./dependencies.ts";
import { findDependencyFolders } from "./dependency-folders.ts";
import { lockFingerprint } from "./lockfiles.ts";
import type { TaskTree } from "./task-tree.ts";
import { deleteTree } from "./trash.ts";

export interface PrepareCheck {
  /** Folder of the checks' checkouts. */
  readonly checksDir: string;
  /** Id of the repository: one checkout each. */
  readonly repositoryId: string;
  readonly store: Store;
  /** Checkpoint, or final commit. */
  readonly commit: string;
  readonly task: Pick<TaskTree, "taskId" | "path">;
  /** The person's checkout; default the store's. */
  readonly source?: string | undefined;
  readonly copyFiles?: readonly string[];
  readonly dependencies: DependencyMode;
  /** Whether a `setup` command is configured: the caller runs it, and nothing is copied. */
  readonly hasSetup: boolean;
  readonly locks: KeyedLock;
  readonly signal?: AbortSignal;
}

export interface CheckCheckout extends AsyncDisposable {
  readonly path: string;
  readonly dependencies: "setup" | "copied from source" | "copied from task" | "none";
  /** Sentences for the evidence: what was left out and why. */
  readonly notes: readonly string[];
}

/** Waits for its turn. The next check waits until this one is disposed. */
export async function prepareCheck(request: PrepareCheck): Promise<CheckCheckout> {
  const home = join(request.checksDir, requireRefPart(request.repositoryId));
  const release = await request.locks.acquire(`check:${home}`, request.signal);
  try {
    const made = await prepareOrRebuild(request, home);
    const dispose = async (): Promise<void> => {
      try {
        if (request.hasSetup) await noteInstalled(request, home);
      } finally {
        release();
      }
    };
    return { ...made, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    release();
    throw error;
  }
}

type Prepared = Omit<CheckCheckout, typeof Symbol.asyncDispose>;

/** A checkout that cannot be brought to the commit is thrown away and made anew, once. */
async function prepareOrRebuild(request: PrepareCheck, home: string): Promise<Prepared> {
  try {
    return await prepare(request, home);
  } catch (error) {
    request.signal?.throwIfAborted();
    if (isGitError(error) && error.code !== "git_failed") throw error;
    await deleteTree(home);
    return prepare(request, home);
  }
}

async function prepare(request: PrepareCheck, home: string): Promise<Prepared> {
  const { store, commit, signal } = request;
  const path = join(home, "checkout");
  const gitDir = join(home, "git");
  await mkdir(path, { recursive: true });
  await requireOwnGitDir({ gitDir, store: store.gitDir, objectFormat: store.objectFormat, signal });
  await rm(join(gitDir, "index.lock"), { force: true });
  await deleteTree(join(path, ".git"));
  const kept = await readKept(home, request.task.taskId);
  await runGit(["read-tree", "--reset", "-u", commit], { gitDir, workTree: path, signal });
  await clean(gitDir, path, kept, signal);
  const source = request.source ?? store.checkout;
  const found = await checkDependencies({ ...request, source, path, gitDir, kept });
  await writeFile(
    join(home, "kept.json"),
    JSON.stringify({ taskId: request.task.taskId, folders: found.folders }),
  );
  const copied = await copyFilesInto({ files: request.copyFiles ?? [], source, target: path });
  await makeCloneGitDir({
    root: path,
    store: store.gitDir,
    storeKind: store.kind,
    objectFormat: store.objectFormat,
    branch: "makima-check",
    head: commit,
    baseCommit: commit,
    baseBranch: undefined,
    excluded: request.copyFiles ?? [],
    signal,
  });
  await copyFile(join(gitDir, "index"), join(path, ".git", "index"));
  return { path, dependencies: found.dependencies, notes: [...found.notes, ...copied] };
}

/** What setup has installed by now may stay for the task's next check. A cache: failing is no harm. */
async function noteInstalled({ task }: PrepareCheck, home: string): Promise<void> {
  const path = join(home, "checkout");
  const folders: KeptFolder[] = [];
  const found = await findDependencyFolders({ gitDir: join(home, "git"), workTree: path }).catch(() => []);
  for (const folder of found) {
    const fingerprint = await lockFingerprint(path, folder.path);
    folders.push({ path: folder.path, from: "setup", fingerprint });
  }
  await writeFile(join(home, "kept.json"), JSON.stringify({ taskId: task.taskId, folders })).catch(() => {});
}

/** Everything that git does not track goes, but for folders that were copied for the same task. */
async function clean(
  gitDir: string,
  path: string,
  kept: readonly KeptFolder[],
  signal?: AbortSignal,
): Promise<void> {
  const except = kept.flatMap((folder) => ["-e", `/${folder.path.replaceAll(/[\\*?[\]!# ]/g, "\\$&")}/`]);
  await runGit(["clean", "-ffdxq", ...except], { gitDir, workTree: path, signal });
}

/**
 * Of another task nothing is kept: what its code did to its dependencies while it was checked must not reach
 * this one.
 */
async function readKept(home: string, taskId: string): Promise<readonly KeptFolder[]> {
  const text = await readFile(join(home, "kept.json"), "utf8").catch(() => undefined);
  await rm(join(home, "kept.json"), { force: true });
  if (text === undefined) return [];
  const kept = JSON.parse(text) as { taskId: string; folders: KeptFolder[] };
  return kept.taskId === taskId ? kept.folders : [];
}
