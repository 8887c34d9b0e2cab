/** What a person wants to see and only this daemon can look up. */
import type { Query } from "@makima/protocol/daemon-wire";
import { diffText } from "../checkpoint/diff.ts";
import { lastCheckpoint, checkpointRef } from "../checkpoint/record.ts";
import { GitError } from "../git/error.ts";
import { readRef } from "../git/refs.ts";
import { placeOf } from "../journal/worktrees.ts";
import { heldRuns } from "../journal/runs.ts";
import { findTaskTree } from "../worktree/task-tree.ts";
import { criteriaFor } from "./check-work.ts";
import type { RunContext } from "./context.ts";
import { wordsFor } from "./words.ts";

export async function answerQuery(context: RunContext, query: Query): Promise<unknown> {
  switch (query.type) {
    case "diff":
      return await diffOf(context, query);
    case "prompt":
      return await promptOf(context, query);
  }
}

async function diffOf(context: RunContext, { taskId, from, to }: Extract<Query, { type: "diff" }>) {
  const place = placeOf(context.journal, taskId);
  if (!place) {
    throw new GitError(
      "worktree_gone",
      "This daemon has not worked on the task. The commits are in its repository; list them with: makima tasks checkpoints",
      {},
    );
  }
  const { store, baseCommit, branch } = place;
  const newest = async () =>
    (await readRef(store, `refs/heads/${branch}`)) ??
    (await lastCheckpoint(store, taskId))?.commit ??
    baseCommit;
  const live = async () => {
    const last = await lastCheckpoint(store, taskId);
    // While it works, the newest checkpoint is ahead of the branch; when it is done, the branch has it all.
    const held = heldRuns(context.journal).some((run) => run.spec.taskId === taskId);
    return held && last ? last.commit : await newest();
  };
  const start = from === undefined ? baseCommit : await commitOf(store, taskId, from);
  const end = to === undefined ? await live() : await commitOf(store, taskId, to);
  const { text, truncated } = await diffText({ gitDir: store, from: start, to: end });
  return { from: start, to: end, patch: text, truncated };
}

/** A commit named by its id or by the number of a checkpoint; nothing else reaches git. */
async function commitOf(store: string, taskId: string, name: string): Promise<string> {
  const ref = /^\d{1,6}$/.test(name) ? checkpointRef(taskId, Number(name)) : name;
  const known = /^\d{1,6}$/.test(name) || /^[0-9a-f]{7,64}$/.test(name);
  const commit = known ? await readRef(store, ref) : undefined;
  if (commit !== undefined) return commit;
  throw new GitError(
    "no_such_revision",
    `${JSON.stringify(name)} is neither a checkpoint's number nor a commit of this repository. List them with: makima tasks checkpoints`,
    { ref: name },
  );
}

async function promptOf(context: RunContext, { spec }: Extract<Query, { type: "prompt" }>) {
  const tree = await findTaskTree(context.paths, spec.taskId);
  const held = heldRuns(context.journal).find((run) => run.spec.taskId === spec.taskId);
  const root = tree?.path ?? spec.repository.path;
  const last = tree ? await lastCheckpoint(tree.store, tree.taskId) : undefined;
  return await wordsFor({
    spec,
    loop: held?.progress.loop ?? spec.loop,
    tree,
    lastCheckpoint: last,
    criteria: root === undefined ? [] : await criteriaFor(spec, root),
    because: undefined,
    interrupted: false,
    messages: spec.messages,
  });
}
