/**
 * What the agent is told at the beginning of a turn: where the work stands, what came up, what to do.
 * The same function serves a run and `makima tasks prompt`, which prints what the next turn would begin with.
 */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Criterion } from "@makima/core/criteria";
import { parseProgress, type ProgressEntry } from "@makima/core/progress-log";
import {
  asMessage,
  buildPrompt,
  continuationPrompt,
  systemPromptPart,
  type RecoveryHeader,
} from "@makima/core/prompt";
import type { Verdict } from "@makima/core/verdict";
import type { LoopState } from "@makima/protocol/gate";
import type { RunSpec } from "@makima/protocol/run-spec";
import { statusSummary } from "../git/status-summary.ts";
import type { TaskTree } from "../worktree/task-tree.ts";

export interface WordsRequest {
  spec: RunSpec;
  loop: LoopState | undefined;
  /** undefined: there is no worktree yet. */
  tree: TaskTree | undefined;
  lastCheckpoint: { at: Date; message: string } | undefined;
  criteria: readonly Criterion[];
  /** Why the turn before was not the last one, when this one goes on in the same session. */
  because: Extract<Verdict, { type: "continue" }> | undefined;
  /** The turn before was cut off: the daemon or the agent died, or a person paused. */
  interrupted: boolean;
  messages: readonly { text: string }[];
}

/** A progress log larger than this is not a log; only its end is read. */
const MAX_LOG_BYTES = 512 * 1024;

export async function wordsFor(request: WordsRequest): Promise<{ prompt: string; systemPrompt: string }> {
  const { spec, loop, tree, criteria } = request;
  const log = tree && spec.options.progressLog.enabled ? await progressOf(tree.path) : [];
  const recovery = spec.options.contextRecovery.enabled ? await recoveryHeader(request, log) : undefined;
  const goesOn = loop?.resumeSession === true && loop.sessionId !== undefined;
  const said = request.messages.map((message) => `A message for you:\n${message.text}`);
  let body: string;
  if (goesOn && request.because) {
    body = continuationPrompt(request.because, recovery);
  } else if (goesOn) {
    const why = request.interrupted
      ? "Your last turn was cut off before it was over. What you had done so far is still there; look at the state of the files first, then go on."
      : "Go on with the task.";
    body = [
      recovery ? continuationPrompt({ type: "continue", because: "not_ready", feedback: [] }, recovery) : "",
      why,
    ]
      .filter((part) => part !== "")
      .join("\n\n");
  } else {
    body = buildPrompt({
      plan: spec.plan,
      ...(recovery ? { recovery } : {}),
      progress: log.slice(-spec.options.progressLog.maxEntriesInjected),
      learnings: [],
      ...(loop?.handoff === undefined ? {} : { handOff: loop.handoff }),
    });
  }
  return {
    prompt: asMessage([body, ...said].join("\n\n")),
    systemPrompt: systemPromptPart({
      gate: spec.autonomous || spec.singleTask,
      branch: spec.branch,
      criteria: criteria.map((criterion) => criterion.text),
    }),
  };
}

async function recoveryHeader(request: WordsRequest, log: readonly ProgressEntry[]): Promise<RecoveryHeader> {
  const { spec, loop, tree, lastCheckpoint } = request;
  const { includeGitStatus, includeRecentProgress } = spec.options.contextRecovery;
  const header: RecoveryHeader = {
    branch: spec.branch,
    iteration: (loop?.iteration ?? 0) + 1,
    maxIterations: spec.maxIterations,
  };
  if (includeGitStatus && tree) {
    // A worktree that git cannot read says so in its checkpoint; the agent is told what can be told.
    const status = await statusSummary({ tree }).catch(() => undefined);
    if (status) Object.assign(header, { branch: status.branch, gitStatus: status.status });
  }
  if (lastCheckpoint) {
    header.lastCheckpoint = { at: lastCheckpoint.at.toISOString(), message: lastCheckpoint.message };
  }
  if (includeRecentProgress) header.recentProgress = log;
  if (spec.phase !== undefined) header.phase = spec.phase;
  if (loop?.lastGate) header.lastGate = loop.lastGate;
  if (loop && loop.failedChecks.length > 0) header.failedChecks = loop.failedChecks;
  return header;
}

/** Entries of the worktree's progress log; the agent may have written anything into it. */
export async function progressOf(root: string): Promise<ProgressEntry[]> {
  const path = join(root, "progress.log");
  const facts = await stat(path).catch(() => undefined);
  if (!facts?.isFile() || facts.size > MAX_LOG_BYTES) return [];
  return parseProgress(await readFile(path, "utf8").catch(() => ""));
}
