/**
 * What a coding agent is told: the first message, the message that sends it on, and the part of its
 * system prompt that makima adds.
 *
 * The first message is the context recovery header, the progress log, what was learned about the code
 * base, and the plan. The header and its two companions have a limit of tokens; when they would pass it,
 * what is least useful goes first: old log entries, then learnings, then lines of git status. The plan is
 * never shortened, nor are the lines that say where the agent stands.
 *
 * A message that begins with a slash would be taken for a command of the agent's own: `asMessage` prefixes it.
 */
import type { Gate } from "./completion-gate.ts";
import { formatProgress, type ProgressEntry } from "./progress-log.ts";
import { estimateTokens } from "./token-estimate.ts";
import type { Verdict } from "./verdict.ts";

export interface RecoveryHeader {
  branch?: string;
  /** Output of a short status; left out when `include_git_status` is off. */
  gitStatus?: string;
  lastCheckpoint?: { at: string; message: string };
  /** Newest last; left out when `include_recent_progress` is off. */
  recentProgress?: readonly ProgressEntry[];
  phase?: string;
  iteration?: number;
  maxIterations?: number;
  lastGate?: Pick<Gate, "ready" | "reason">;
  failedChecks?: readonly string[];
}

export interface PromptFacts {
  plan: string;
  recovery?: RecoveryHeader;
  /** Newest last; the caller has cut them to `max_entries_injected`. */
  progress: readonly ProgressEntry[];
  /** Best first. */
  learnings: readonly { text: string; source?: string }[];
  /** A summary that a fresh session starts from. */
  handOff?: string;
  /** Limit of everything before the plan, in tokens. */
  maxHeaderTokens?: number;
}

export const DEFAULT_HEADER_TOKENS = 6000;
const RECENT = 5;
/** Lines of git status that are shown at most. */
const MAX_STATUS = 40;

/** The first message of a session. */
export function buildPrompt(facts: PromptFacts): string {
  const limit = facts.maxHeaderTokens ?? DEFAULT_HEADER_TOKENS;
  const log = facts.progress.map((entry) => formatProgress(entry).trimEnd());
  const learnings = facts.learnings.map((item) => `- ${item.text}${item.source ? ` (${item.source})` : ""}`);
  const status = statusLines(facts.recovery);
  const recent = (facts.recovery?.recentProgress ?? []).slice(-RECENT).map(progressLine);

  const header = (): string[] => [
    facts.recovery ? recoveryHeader(facts.recovery, status, recent) : "",
    facts.handOff ? `## Hand-off from the session before\n${facts.handOff.trim()}` : "",
    log.length > 0 ? `## Progress log\n${log.join("\n")}` : "",
    learnings.length > 0 ? `## Learned patterns for this codebase\n${learnings.join("\n")}` : "",
  ];
  const tooLong = (): boolean => estimateTokens(header().join("\n\n")) > limit;
  while (log.length > 0 && tooLong()) log.shift();
  while (recent.length > 0 && tooLong()) recent.shift();
  while (learnings.length > 0 && tooLong()) learnings.pop();
  while (status.length > 0 && tooLong()) status.pop();
  const plan = facts.recovery || log.length > 0 ? `## Task\n${facts.plan}` : facts.plan;
  return asMessage([...header(), plan].filter((part) => part !== "").join("\n\n"));
}

/** The message that sends an agent on in its session, after a verdict of `continue`. */
export function continuationPrompt(
  verdict: Extract<Verdict, { type: "continue" }>,
  recovery?: RecoveryHeader,
): string {
  const header = recovery
    ? recoveryHeader(
        recovery,
        statusLines(recovery),
        (recovery.recentProgress ?? []).slice(-RECENT).map(progressLine),
      )
    : "";
  return [header, WHY[verdict.because](verdict.feedback), GO_ON].filter((part) => part !== "").join("\n\n");
}

const WHY: Record<Extract<Verdict, { type: "continue" }>["because"], (feedback: string[]) => string> = {
  not_ready: (blockers) =>
    blockers.length > 0
      ? `You said that the task is not ready. What you named as in the way:\n${asList(blockers)}\nDeal with these first.`
      : "You said that the task is not ready, without saying what is in the way.",
  no_gate: () => "Your turn ended without a <COMPLETION_GATE> block, so the task counts as not ready.",
  check_failed: (checks) =>
    `You said ready, and makima checked the commit. This failed:\n${checks.map((check) => indented(check)).join("\n")}`,
  tests_tampered: (notes) => `You said ready, and it was not accepted:\n${asList(notes)}`,
};

const GO_ON =
  "Go on with the task where you are; what you have done so far is still there. " +
  "End your turn with a <COMPLETION_GATE> block again.";

/** Instructions for the completion gate, for the system prompt of every task that loops. */
export const GATE_INSTRUCTIONS = `# Saying whether you are done

End your last message of every turn with exactly one block like this, as plain text:

<COMPLETION_GATE>
ready: true or false
reason: "why"
progress: "what you accomplished"
blockers: ["what is in the way"]
confidence: 0.0 to 1.0
learnings: ["what the next person working on this code should know"]
</COMPLETION_GATE>

Say ready: true only when the whole task is done. It is then checked by running the acceptance criteria on a
clean checkout of your work, so files that you did not save, or that git ignores, do not count. If something
is missing, say ready: false and name it: you will be given another turn. Do not weaken, skip or delete tests to make
a check pass; say what is in the way instead.`;

export interface SystemPromptFacts {
  /** Whether the task loops, and so must end each turn with a gate. */
  gate: boolean;
  branch?: string;
  /** The criteria that will be checked, as a person reads them. */
  criteria: readonly string[];
  /** For a supervisor: how to run its contract; what good work in its phase looks like. */
  guidance?: string;
}

/** What makima adds to the agent's system prompt. */
export function systemPromptPart(facts: SystemPromptFacts): string {
  const where = facts.branch === undefined ? "" : ` on the branch \`${facts.branch}\``;
  const rules = `# Where you work

You work in a git worktree of your own${where}, with nobody watching each step. Stay in it and on its branch; do not push.
Commit as you see fit; what you leave uncommitted is committed for you. Do not wait for input in the terminal.`;
  const criteria =
    facts.criteria.length > 0 ? `# What will be checked when you say ready\n\n${asList(facts.criteria)}` : "";
  return [rules, facts.guidance?.trim() ?? "", criteria, facts.gate ? GATE_INSTRUCTIONS : ""]
    .filter((part) => part !== "")
    .join("\n\n");
}

/** `text`, such that no agent takes it for a slash command. */
export function asMessage(text: string): string {
  return text.trimStart().startsWith("/") ? `Message:\n${text}` : text;
}

function recoveryHeader(facts: RecoveryHeader, status: readonly string[], recent: readonly string[]): string {
  const lines = ["## Context Recovery"];
  if (facts.branch !== undefined) lines.push(`- Current branch: ${facts.branch}`);
  if (facts.gitStatus !== undefined) lines.push(...gitStatus(facts.gitStatus, status));
  if (facts.lastCheckpoint) {
    lines.push(`- Last checkpoint: ${facts.lastCheckpoint.at}, ${facts.lastCheckpoint.message}`);
  }
  if (recent.length > 0) lines.push("- Progress log (recent):", ...recent);
  if (facts.phase !== undefined) lines.push(`- Current phase: ${facts.phase}`);
  if (facts.iteration !== undefined) lines.push(iterationLine(facts, facts.iteration));
  return lines.join("\n");
}

function iterationLine(facts: RecoveryHeader, iteration: number): string {
  const parts = [
    `- Iteration: ${iteration}${facts.maxIterations === undefined ? "" : ` of ${facts.maxIterations}`}`,
  ];
  const gate = facts.lastGate;
  if (gate)
    parts.push(`last gate: ${gate.ready ? "ready" : "not ready"}${gate.reason ? ` — ${gate.reason}` : ""}`);
  if (facts.failedChecks && facts.failedChecks.length > 0) {
    parts.push(`checks that failed: ${facts.failedChecks.join(", ")}`);
  }
  return parts.join("; ");
}

function statusLines(recovery: RecoveryHeader | undefined): string[] {
  return (recovery?.gitStatus ?? "")
    .split(/\r?\n/)
    .filter((line) => line.trim() !== "")
    .slice(0, MAX_STATUS);
}

function gitStatus(full: string, shown: readonly string[]): string[] {
  const left = full.split("\n").filter((line) => line.trim() !== "").length - shown.length;
  if (shown.length === 0) return [left > 0 ? `- Git status: ${left} lines` : "- Git status: clean"];
  const more = left > 0 ? [`  … and ${left} more`] : [];
  return ["- Git status:", ...shown.map((line) => `  ${line}`), ...more];
}

function progressLine(entry: ProgressEntry): string {
  return `  - ${entry.at} [${entry.taskId}] ${entry.taskName}: ${entry.status}`;
}

function asList(items: readonly string[]): string {
  return items.map((item) => `- ${item}`).join("\n");
}

/** The first line as a list item, the output below it indented, so that it cannot be read as our own words. */
function indented(text: string): string {
  return `- ${text.split("\n").join("\n    ")}`;
}
