/**
 * Makes the place where a run works: the repository reached, the worktree made or found again, dependencies and
 * setup done. Every step can be repeated, so a daemon that died in the middle begins again here.
 */
import { createHash } from "node:crypto";
import { stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { slug } from "@makima/core/slug";
import type { RepositorySpec, RunSpec } from "@makima/protocol/run-spec";
import { lastCheckpoint, readCheckpoint } from "../checkpoint/record.ts";
import { fetchRef } from "../completion/push.ts";
import { GitError, type GitErrorCode } from "../git/error.ts";
import { readRef } from "../git/refs.ts";
import { openStore, resolveBase, type Store } from "../git/store.ts";
import { rememberPlace } from "../journal/worktrees.ts";
import { runCommand } from "../process/run-command.ts";
import { createWorktree } from "../worktree/create.ts";
import { findTaskTree, stateOf, type TaskTree } from "../worktree/task-tree.ts";
import { entry, reportAndSave, tell, type RunContext } from "./context.ts";
import type { RunHandle } from "./handle.ts";
import { commandEnvironmentOf, redactorFor, type Workplace } from "./launch.ts";
import { RunError } from "./run-error.ts";
import { sandboxFor } from "./sandbox.ts";
import { checkpointsOf } from "./take-checkpoint.ts";

export async function prepare(context: RunContext, handle: RunHandle): Promise<Workplace> {
  try {
    const place = await makePlace(context, handle);
    await setUp(context, handle, place);
    return place;
  } catch (error) {
    throw error instanceof GitError ? fromGit(error) : error;
  }
}

/** The place that an earlier start of the daemon made, for a run that is to stop; undefined when there is none. */
export async function findPlace(context: RunContext, handle: RunHandle): Promise<Workplace | undefined> {
  const tree = await findTaskTree(context.paths, handle.run.spec.taskId);
  if (!tree) return undefined;
  const store = await openStore({
    repository: sharedBetweenContracts(handle.run.spec.repository),
    reposDir: context.paths.reposDir,
    allowFileUrls: context.config.worktree.file_urls,
    locks: context.locks,
  });
  return await workplace(context, handle, tree, store, undefined);
}

/** What git says when the disk is full, or a quota. */
const DISK_FULL = /no space left on device|disk quota exceeded/i;
/** What a second try may find otherwise: a network, a lock of another git. */
const MAY_PASS = new Set<GitErrorCode>([
  "git_failed",
  "timed_out",
  "remote_failed",
  "moved_on",
  // It is made again from its last checkpoint.
  "worktree_gone",
]);

/** What the playbook is to know about an error of git. */
export function fromGit(error: GitError): RunError {
  if (DISK_FULL.test(error.facts.stderr ?? error.message))
    return new RunError("disk_full", error.message, error);
  return new RunError("repo", error.message, error, !MAY_PASS.has(error.code));
}

async function makePlace(context: RunContext, handle: RunHandle): Promise<Workplace> {
  const { spec } = handle.run;
  const { paths, config, locks } = context;
  const { signal } = handle;
  const store = await openStore({
    repository: sharedBetweenContracts(spec.repository),
    reposDir: paths.reposDir,
    allowFileUrls: config.worktree.file_urls,
    locks,
    signal,
  });
  const there = await findTaskTree(paths, spec.taskId);
  const base = await baseOf(store, there, spec.baseBranch ?? spec.repository.baseBranch, signal);
  const from = await newestCheckpoint(context, handle, store, base.commit);
  const { tree, created, notes } = await locks.run(
    `worktree:${spec.taskId}`,
    () =>
      createWorktree({
        paths,
        taskId: spec.taskId,
        store,
        branch: spec.branch,
        baseCommit: base.commit,
        baseBranch: base.branch,
        isolation: config.worktree.isolation,
        ...(from ? { from } : {}),
        // A later run of the same task finds the branch that an earlier one left.
        reuseBranch: spec.epoch > 1,
        directory: folderName(spec.branch, spec.taskId),
        copyFiles: spec.copyFiles,
        dependencies: config.worktree.dependencies,
        signal,
      }),
    signal,
  );
  if (created && spec.loop && handle.run.progress.loop) {
    // The session belongs to files of another worktree or host: a fresh one starts from the header.
    handle.run.progress.loop.resumeSession = false;
  }
  for (const note of notes) tell(context, handle, entry(context, "setup", note));
  const { baseCommit, branch } = tree;
  rememberPlace(context.journal, spec.taskId, { store: store.gitDir, baseCommit, branch });
  if (!handle.run.progress.started) {
    handle.run.progress.started = true;
    reportAndSave(context, handle, {
      type: "runStarted",
      ...handle.name,
      worktreePath: tree.path,
      branch: tree.branch,
      baseCommit: tree.baseCommit,
      ...(base.branch === undefined ? {} : { baseBranch: base.branch }),
    });
  }
  return await workplace(context, handle, tree, store, base.branch);
}

async function workplace(
  context: RunContext,
  handle: RunHandle,
  tree: TaskTree,
  store: Store,
  baseBranch: string | undefined,
): Promise<Workplace> {
  const before = await lastCheckpoint(store.gitDir, tree.taskId);
  const checkpoints = checkpointsOf(context, handle, tree, store, before);
  return Object.assign(checkpoints, { tree, store, baseBranch });
}

/** Where the files of a worktree that has to be made begin: the newest state that is known. */
async function newestCheckpoint(
  context: RunContext,
  handle: RunHandle,
  store: Store,
  baseCommit: string,
): Promise<{ commit: string; head: string } | undefined> {
  const { taskId, checkpoint } = handle.run.spec;
  const { signal } = handle;
  const here = await lastCheckpoint(store.gitDir, taskId, signal);
  if (here && here.n >= (checkpoint?.n ?? 0)) return { commit: here.commit, head: here.head };
  if (!checkpoint || !(await bringCheckpoint(context, handle, store, checkpoint)))
    return here && { commit: here.commit, head: here.head };
  const brought = await readCheckpoint(store.gitDir, checkpoint.commit, signal);
  // The commits that the agent made itself came along, as the checkpoint's parents.
  const head = brought && (await hasCommit(store, brought.head, signal)) ? brought.head : baseCommit;
  return { commit: checkpoint.commit, head };
}

/** Whether the store has the checkpoint, if need be from the remote that another daemon pushed it to. */
async function bringCheckpoint(
  context: RunContext,
  handle: RunHandle,
  store: Store,
  checkpoint: NonNullable<RunSpec["checkpoint"]>,
): Promise<boolean> {
  const { signal } = handle;
  if (await hasCommit(store, checkpoint.commit, signal)) return true;
  try {
    const allowFileUrls = context.config.worktree.file_urls;
    const commit = await fetchRef({ store, ref: checkpoint.ref, allowFileUrls, signal });
    return commit === checkpoint.commit;
  } catch (error) {
    if (!(error instanceof GitError)) throw error;
    const text = `Checkpoint ${checkpoint.n} of an earlier run is not here and could not be fetched, so the task begins without it: ${error.message}`;
    tell(context, handle, entry(context, "notice", text, { isError: true }));
    return false;
  }
}

/** Contracts name their repositories anew; one address has one mirror all the same. */
export function sharedBetweenContracts(repository: RepositorySpec): RepositorySpec {
  return repository.kind === "remote" && repository.url !== undefined
    ? { ...repository, id: storeKey(repository.url) }
    : repository;
}

/** A short name for one repository, made of where it is. */
export function storeKey(place: string): string {
  return createHash("sha256").update(place).digest("hex").slice(0, 16);
}

async function baseOf(
  store: Store,
  there: TaskTree | undefined,
  name: string | undefined,
  signal: AbortSignal,
) {
  const base = await resolveBase(store, name, signal).catch((error: unknown) => {
    // A worktree that exists does not need its base branch any more.
    if (there !== undefined) return { commit: there.baseCommit, branch: undefined };
    throw error;
  });
  return there === undefined ? base : { ...base, commit: there.baseCommit };
}

async function hasCommit(store: Store, commit: string, signal: AbortSignal): Promise<boolean> {
  return (await readRef(store.gitDir, `${commit}^{commit}`, signal)) !== undefined;
}

/** A folder that a person recognises: `fix-date-test-1a2b`. */
function folderName(branch: string, taskId: string): string {
  return `${slug(basename(branch))}-${taskId.slice(-6)}`;
}

/** Runs the configured setup command once per worktree; a mark outside the worktree says that it went well. */
async function setUp(context: RunContext, handle: RunHandle, place: Workplace): Promise<void> {
  const command = context.config.worktree.setup;
  if (command === "") return;
  const mark = join(stateOf(context.paths, place.tree.taskId), "setup-done");
  if (await stat(mark).catch(() => undefined)) return;
  tell(context, handle, entry(context, "setup", `$ ${command}`));
  const wrap = await sandboxFor(context, place.tree.path, place.store);
  const result = await runCommand({
    command,
    ...(wrap.length > 0 ? { wrap } : {}),
    cwd: place.tree.path,
    env: commandEnvironmentOf(context, handle),
    timeoutMs: SETUP_MS,
    redactor: redactorFor(context, handle),
    signal: handle.signal,
  });
  handle.check();
  const failed = result.exitCode !== 0;
  const shown = { isError: failed, durationMs: Math.round(result.durationMs) };
  if (result.outputTail !== "") tell(context, handle, entry(context, "setup", result.outputTail, shown));
  if (failed) {
    const why = result.timedOut ? "took longer than an hour" : `ended with exit code ${result.exitCode}`;
    throw new RunError(
      "repo",
      `The setup command "${command}" ${why}. Its output is in: makima tasks logs ${handle.run.spec.taskShortId}`,
    );
  }
  await writeFile(mark, "");
}

const SETUP_MS = 60 * 60 * 1000;
