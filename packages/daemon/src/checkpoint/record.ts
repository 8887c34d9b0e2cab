/** How a checkpoint is written down in git: its ref, its message, and what can be read back from them. */
import { runGit } from "../git/git.ts";
import { isObjectId, listRefs, readRef, requireRefPart } from "../git/refs.ts";

export interface CheckpointRecord {
  readonly n: number;
  readonly ref: string;
  readonly commit: string;
  readonly tree: string;
  /** Commit that the agent's branch was at. */
  readonly head: string;
  readonly message: string;
  readonly at: Date;
  /** Fingerprint of the nested repositories' files; empty when there are none. */
  readonly nested: string;
}

export function checkpointRef(taskId: string, n: number): string {
  return `refs/makima/checkpoints/${requireRefPart(taskId)}/${n}`;
}

/** Message of the commit, with what the daemon needs to read back as trailers. */
export function checkpointMessage(
  message: string,
  facts: { taskId: string; n: number; head: string; nested: string },
): string {
  const subject = message.trim() === "" ? `checkpoint ${facts.n}` : message.trim();
  const nested = facts.nested === "" ? "" : `Makima-Nested: ${facts.nested}\n`;
  return `${subject}\n\nMakima-Task: ${facts.taskId}\nMakima-Checkpoint: ${facts.n}\nMakima-Head: ${facts.head}\n${nested}`;
}

/** Reads one checkpoint by ref or commit; undefined when there is none, or when it is not a checkpoint. */
export async function readCheckpoint(
  store: string,
  name: string,
  signal?: AbortSignal,
): Promise<CheckpointRecord | undefined> {
  const commit = isObjectId(name) ? name : await readRef(store, name, signal);
  if (commit === undefined) return undefined;
  const args = ["show", "--no-patch", "--format=%T%x00%ct%x00%B", "--end-of-options", `${commit}^{commit}`];
  // An id that the store does not have is an answer.
  const { stdout } = await runGit(args, { gitDir: store, signal, okCodes: [0, 128] });
  const [tree = "", seconds = "", body = ""] = stdout.toString("utf8").replace(/\n$/, "").split("\0");
  const found =
    /\n\nMakima-Task: (\S+)\nMakima-Checkpoint: (\d+)\nMakima-Head: ([0-9a-f]+)\n(?:Makima-Nested: (\S+)\n)?\s*$/.exec(
      `${body}\n`,
    );
  if (found === null) return undefined;
  const n = Number(found[2]);
  return {
    n,
    ref: checkpointRef(found[1] ?? "", n),
    commit,
    tree,
    head: found[3] ?? "",
    message: body.slice(0, found.index),
    at: new Date(Number(seconds) * 1000),
    nested: found[4] ?? "",
  };
}

/** Numbers and commits of a task's checkpoints, oldest first. */
export async function listCheckpoints(
  store: string,
  taskId: string,
  signal?: AbortSignal,
): Promise<{ n: number; ref: string; commit: string }[]> {
  const prefix = `refs/makima/checkpoints/${requireRefPart(taskId)}/`;
  return numbered(await listRefs(store, prefix, signal), prefix);
}

function numbered(refs: readonly { ref: string; commit: string }[], prefix: string) {
  return refs
    .filter(({ ref }) => ref.startsWith(prefix))
    .map(({ ref, commit }) => ({ n: Number(ref.slice(prefix.length)), ref, commit }))
    .filter(({ n }) => Number.isSafeInteger(n) && n > 0)
    .sort((a, b) => a.n - b.n);
}

/** The newest checkpoint of a task. */
export async function lastCheckpoint(
  store: string,
  taskId: string,
  signal?: AbortSignal,
): Promise<CheckpointRecord | undefined> {
  const last = (await listCheckpoints(store, taskId, signal)).at(-1);
  return last === undefined ? undefined : readCheckpoint(store, last.commit, signal);
}

export interface KnownOfTask {
  readonly last: CheckpointRecord | undefined;
  /** Commits that the store has for this task: base, checkpoints, branch. */
  readonly commits: readonly string[];
}

/** What the store has of a task, in two calls of git. */
export async function knownOfTask(
  store: string,
  task: { readonly taskId: string; readonly branch: string; readonly baseCommit: string },
  signal?: AbortSignal,
): Promise<KnownOfTask> {
  const prefix = `refs/makima/checkpoints/${requireRefPart(task.taskId)}/`;
  const refs = await listRefs(store, [prefix, `refs/heads/${task.branch}`], signal);
  const last = numbered(refs, prefix).at(-1);
  return {
    last: last === undefined ? undefined : await readCheckpoint(store, last.commit, signal),
    commits: [...new Set([task.baseCommit, ...refs.map(({ commit }) => commit)])],
  };
}
