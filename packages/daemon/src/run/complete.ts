/**
 * What happens to the work of a task that is done: committed, and then left on its branch, merged, or offered
 * as a pull request. Each step that cannot be taken back asks the server for leave first, and each looks whether
 * it already happened, so that a crash in the middle is gone through again and does nothing twice.
 *
 * A commit that fails fails the run. A push, merge or pull request that fails does not: the work is done and
 * on its branch; the action is kept with its error and can be tried again.
 */
import { commitMessage } from "@makima/core/commit-message";
import type { CompletionResult, LEAVE_ACTIONS, Report } from "@makima/protocol/daemon-wire";
import type { RunSpec } from "@makima/protocol/run-spec";
import { changedFiles } from "../checkpoint/diff.ts";
import { MAKIMA, type Person } from "../checkpoint/identity.ts";
import { commitLeftovers, type Committed } from "../completion/commit.ts";
import { mergeBranch } from "../completion/merge.ts";
import { openPullRequest } from "../completion/pull-request.ts";
import { addressOf, pushBranch } from "../completion/push.ts";
import { GitError } from "../git/error.ts";
import { runGit } from "../git/git.ts";
import { readRef } from "../git/refs.ts";
import { openStore, type Store } from "../git/store.ts";
import { findTaskTree } from "../worktree/task-tree.ts";
import { entry, tell, type RunContext } from "./context.ts";
import type { RunHandle } from "./handle.ts";
import type { Workplace } from "./launch.ts";
import { sharedBetweenContracts } from "./prepare.ts";
import { RunError, RunStopped } from "./run-error.ts";

export async function complete(
  context: RunContext,
  handle: RunHandle,
  place: Workplace,
): Promise<CompletionResult> {
  const { spec } = handle.run;
  const committed = await commit(context, handle, place);
  const result = await act(context, handle, place, committed);
  for (const note of committed.notes) tell(context, handle, entry(context, "notice", note));
  tell(context, handle, entry(context, "system", resultInWords(spec, result), { isError: !result.ok }));
  return result;
}

async function requireLeave(
  context: RunContext,
  handle: RunHandle,
  action: (typeof LEAVE_ACTIONS)[number],
): Promise<void> {
  if (!(await context.leave.ask(handle.name, action, handle.signal))) throw new RunStopped("lost");
}

async function commit(context: RunContext, handle: RunHandle, place: Workplace): Promise<Committed> {
  const { spec, progress } = handle.run;
  const checkpoint = place.last ?? (await place.checkpoint("when the task was done"));
  if (!spec.options.commit.enabled) {
    const files = await changedFiles({
      gitDir: place.tree.gitDir,
      from: place.tree.baseCommit,
      to: checkpoint.head,
    });
    return {
      commit: checkpoint.head,
      branch: spec.branch,
      created: false,
      changedFiles: files.map((file) => file.path),
      notes: [],
    };
  }
  await requireLeave(context, handle, "commit");
  const gate = progress.loop?.lastGate;
  const message = commitMessage({
    format: spec.options.commit.messageFormat,
    taskId: spec.taskShortId,
    taskName: spec.taskName,
    plan: spec.plan,
    ...(gate?.progress === undefined ? {} : { progress: gate.progress }),
    agent: spec.agent,
    coAuthor: spec.options.commit.coAuthor,
  });
  const author = await authorOf(place.store);
  try {
    return await commitLeftovers({ tree: place.tree, checkpoint, message, author, locks: context.locks });
  } catch (error) {
    if (error instanceof GitError) throw new RunError("repo", error.message, error);
    throw error;
  }
}

async function act(
  context: RunContext,
  handle: RunHandle,
  place: Workplace,
  committed: Committed,
): Promise<CompletionResult> {
  const { spec } = handle.run;
  const done = {
    action: spec.completionAction,
    branch: committed.branch,
    commit: committed.commit,
    changedFiles: [...committed.changedFiles].slice(0, 1000),
  };
  try {
    return { ...done, ok: true, ...(await carryOutAction(context, handle, place, committed)) };
  } catch (error) {
    if (error instanceof GitError) return { ...done, ok: false, error: error.message };
    throw error;
  }
}

async function carryOutAction(
  context: RunContext,
  handle: RunHandle,
  place: Workplace,
  committed: Committed,
): Promise<Partial<CompletionResult>> {
  const { spec } = handle.run;
  switch (spec.completionAction) {
    case "none":
      return {};
    case "branch":
      if (place.store.kind !== "remote") return {};
      await requireLeave(context, handle, "push");
      await pushBranch({ store: place.store, branch: committed.branch, ...fileUrls(context) });
      return {};
    case "merge":
      await requireLeave(context, handle, "merge");
      return await merge(context, spec, place.store, place.baseBranch);
    case "pr":
      await requireLeave(context, handle, "pullRequest");
      return await pullRequest(context, spec, place.store, place.baseBranch);
  }
}

async function merge(context: RunContext, spec: RunSpec, store: Store, baseBranch: string | undefined) {
  const target = targetOf(spec, baseBranch);
  const merged = await mergeBranch({
    paths: context.paths,
    store,
    source: spec.branch,
    target,
    message: `Merge ${spec.branch} into ${target}`,
    author: await authorOf(store),
    locks: context.locks,
    ...fileUrls(context),
  });
  return { mergedInto: merged.target, mergeCommit: merged.commit };
}

async function pullRequest(context: RunContext, spec: RunSpec, store: Store, baseBranch: string | undefined) {
  const target = targetOf(spec, baseBranch);
  await pushBranch({ store, branch: spec.branch, ...fileUrls(context) });
  const { url: repository } = await addressOf({ store, ...fileUrls(context) });
  const command = context.config.completion.pull_request_command;
  const { url } = await openPullRequest({
    cwd: store.checkout ?? store.gitDir,
    repository,
    branch: spec.branch,
    target,
    title: spec.taskName,
    body: `${spec.plan}\n\nMade by makima, task ${spec.taskShortId}.`,
    ...(command.length > 0 ? { command } : {}),
  });
  return { url };
}

function targetOf(spec: RunSpec, baseBranch: string | undefined): string {
  const target = spec.targetBranch ?? spec.baseBranch ?? baseBranch ?? spec.repository.baseBranch;
  if (target !== undefined) return target;
  throw new GitError(
    "no_such_revision",
    `The task started from a commit that is on no branch, so there is nothing to merge into. Name the branch: makima run --target BRANCH`,
    {},
  );
}

function fileUrls(context: RunContext): { allowFileUrls: boolean } {
  return { allowFileUrls: context.config.worktree.file_urls };
}

/** The person of the repository's git config; makima itself where nobody is named. */
async function authorOf(store: Store): Promise<Person> {
  const ask = async (key: string) => {
    const options = { gitDir: store.gitDir, profile: "person" as const, okCodes: [0, 1] };
    return (await runGit(["config", "--get", key], options)).stdout.toString("utf8").trim();
  };
  const [name, email] = [await ask("user.name"), await ask("user.email")];
  return name !== "" && email !== "" ? { name, email } : MAKIMA;
}

function resultInWords(spec: RunSpec, result: CompletionResult): string {
  const files = result.changedFiles?.length ?? 0;
  const changed = `${files} ${files === 1 ? "file" : "files"} changed on ${result.branch} at ${result.commit?.slice(0, 10)}`;
  if (!result.ok) return `${changed}; the ${spec.completionAction} did not succeed: ${result.error}`;
  if (result.mergedInto) return `${changed}, merged into ${result.mergedInto}`;
  if (result.url) return `${changed}, pull request ${result.url}`;
  return changed;
}

/** Tries the action of a done task again; the run is over, so there is no lease to ask for. */
export async function retryCompletion(context: RunContext, spec: RunSpec): Promise<Report> {
  const name = { runId: spec.runId, taskId: spec.taskId, epoch: spec.epoch };
  const done = { action: spec.completionAction, branch: spec.branch };
  try {
    const store = await openStore({
      repository: sharedBetweenContracts(spec.repository),
      reposDir: context.paths.reposDir,
      allowFileUrls: context.config.worktree.file_urls,
      locks: context.locks,
    });
    const tree = await findTaskTree(context.paths, spec.taskId);
    const commit = await readRef(store.gitDir, `refs/heads/${spec.branch}`);
    const base = spec.baseBranch ?? spec.repository.baseBranch;
    const files =
      tree && commit ? await changedFiles({ gitDir: store.gitDir, from: tree.baseCommit, to: commit }) : [];
    const more =
      spec.completionAction === "merge"
        ? await merge(context, spec, store, base)
        : spec.completionAction === "pr"
          ? await pullRequest(context, spec, store, base)
          : spec.completionAction === "branch" && store.kind === "remote"
            ? await pushBranch({ store, branch: spec.branch, ...fileUrls(context) }).then(() => ({}))
            : {};
    const changed = files.map((file) => file.path).slice(0, 1000);
    return {
      type: "completionAction",
      ...name,
      result: { ...done, ok: true, ...(commit ? { commit } : {}), changedFiles: changed, ...more },
    };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { type: "completionAction", ...name, result: { ...done, ok: false, error: message } };
  }
}
