/** How a task's worktree stands, in a few lines: for the header of the agent's prompt. */
import { readAgentRefs } from "./agent-refs.ts";
import { fields, runGit } from "./git.ts";
import { readRef } from "./refs.ts";

export interface StatusRequest {
  /** The worktree, as `TaskTree` names it. */
  readonly tree: {
    readonly path: string;
    readonly gitDir: string;
    readonly agentGitDir: string;
    readonly baseCommit: string;
    readonly branch: string;
    readonly isolation: "clone" | "worktree";
    readonly store: string;
  };
  /** How many files are named. Default 20. */
  readonly maxFiles?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface StatusSummary {
  /** Branch that is checked out, or `detached at <commit>`. */
  readonly branch: string;
  /** `clean`, or `3 files not committed: M a.ts, A b.ts, D c.ts`. */
  readonly status: string;
}

/** Compares files with the agent's last commit. Runs nothing with the agent's `.git`. */
export async function statusSummary(request: StatusRequest): Promise<StatusSummary> {
  const { tree, signal } = request;
  const { branch, head } = await agentHead(request);
  const options = { gitDir: tree.gitDir, workTree: tree.path, signal };
  const changed = ["diff-index", "-z", "--name-status", "--no-renames", "--ignore-submodules=dirty"];
  const [tracked, others] = await Promise.all([
    runGit([...changed, head, "--"], options),
    runGit(["ls-files", "-z", "--others", "--exclude-standard"], options),
  ]);
  const listed = fields(tracked.stdout, "utf8");
  const found = new Map<string, string>();
  for (let at = 0; at + 1 < listed.length; at += 2) found.set(listed[at + 1] as string, listed[at] as string);
  for (const path of fields(others.stdout, "utf8")) found.set(path, "A");
  return { branch, status: word([...found], request.maxFiles ?? 20) };
}

async function agentHead({ tree, signal }: StatusRequest): Promise<{ branch: string; head: string }> {
  const known = readRef(tree.store, `refs/heads/${tree.branch}`, signal);
  if (tree.isolation === "worktree") {
    return { branch: tree.branch, head: (await known) ?? tree.baseCommit };
  }
  const named = readAgentRefs(tree.agentGitDir);
  const seen = named.then((refs) =>
    refs?.head === undefined ? undefined : readRef(tree.gitDir, refs.head, signal),
  );
  const [refs, here, fallback] = await Promise.all([named, seen, known]);
  const head = here ?? fallback ?? tree.baseCommit;
  return { branch: refs?.headBranch ?? `detached at ${head.slice(0, 12)}`, head };
}

function word(changes: readonly (readonly [path: string, status: string])[], maxFiles: number): string {
  if (changes.length === 0) return "clean";
  const named = changes.slice(0, maxFiles).map(([path, status]) => `${status} ${path}`);
  const more = changes.length > maxFiles ? `, and ${changes.length - maxFiles} more` : "";
  return `${changes.length} file${changes.length === 1 ? "" : "s"} not committed: ${named.join(", ")}${more}`;
}
