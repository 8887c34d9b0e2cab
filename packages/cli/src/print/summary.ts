/** What is said when a run has ended: what was done, what proves it, what it cost, and what to type next. */
import type { QuestionView } from "@makima/protocol/api/mesh";
import type { TaskView } from "@makima/protocol/api/task-schema";
import type { RunResult } from "../run/result.ts";
import { answerCommand } from "../run/questions.ts";
import { evidenceWords } from "./evidence.ts";
import type { Line } from "./line.ts";
import { sanitizeLine } from "./terminal.ts";
import { countWords, cut, durationWords, moneyWords, plural, shellWord, shortCommit } from "./words.ts";

export interface SummaryFacts {
  result: RunResult;
  task: TaskView;
  contractShortId?: string | undefined;
  /** Top folder of the repository. */
  repository: string;
  /** What the task waits for an answer to. */
  question?: QuestionView | undefined;
}

const SIGNS = {
  done: { glyph: "✔", tone: "good", word: "Done" },
  failed: { glyph: "✖", tone: "bad", word: "Failed" },
  cancelled: { glyph: "✖", tone: "bad", word: "Cancelled" },
  blocked: { glyph: "?", tone: "ask", word: "Needs you" },
  paused: { glyph: "⏸", tone: "warn", word: "Paused" },
} as const;

/** Lines of the summary; every word in them that an agent chose is made safe. */
export function summaryLines(facts: SummaryFacts): Line[] {
  const { result, task } = facts;
  const sign = SIGNS[result.status];
  const simulated = task.agent === "sim";
  const ids = [task.shortId, facts.contractShortId].filter((id) => id !== undefined).join(" · ");
  const lines: Line[] = [
    { tone: "plain", glyph: "", text: "" },
    {
      tone: sign.tone,
      glyph: sign.glyph,
      text: `${sign.word}${simulated ? " (simulated)" : ""}: ${sanitizeLine(task.name)}`,
      note: ids,
    },
  ];
  const row = (name: string, text: string, tone: Line["tone"] = "plain") =>
    lines.push({ tone, glyph: "", text: `${name.padEnd(9)} ${text}`, indent: 1 });
  const more = (text: string, tone: Line["tone"] = "plain") =>
    lines.push({ tone, glyph: "", text: `${" ".repeat(10)}${text}`, indent: 1 });

  if (result.status !== "done" && result.reason) row("Why", sanitizeLine(result.reason), sign.tone);
  const did = result.gate?.progress ?? (result.status === "done" ? result.reason : undefined);
  if (did && !/^(?:none|nothing)\.?$/i.test(did.trim())) row("Did", cut(sanitizeLine(did), 300));
  workRows(facts, row);
  result.evidence.forEach((evidence, index) => {
    const { text, tone } = evidenceWords(evidence);
    if (index === 0) row("Checks", text, tone);
    else more(text, tone);
    for (const remark of evidence.remarks ?? []) more(`  ${sanitizeLine(remark)}`, "warn");
  });
  const proven = result.evidence.some(({ command }) => command !== undefined);
  if (result.status === "done" && !proven) {
    const text = "○ unverified: no test was found to run; name one with --test-command";
    if (result.evidence.length === 0) row("Checks", text, "warn");
    else more(text, "warn");
  }
  row("Cost", costWords(result, simulated), "dim");
  nextCommands(facts).forEach((command, index) => {
    if (index === 0) row("Next", command);
    else more(command);
  });
  return lines;
}

function workRows(
  { result, task }: SummaryFacts,
  row: (name: string, text: string, tone?: Line["tone"]) => void,
): void {
  const commit = task.result?.commit;
  // Before its worktree was made a task's branch is only a name.
  if (result.branch && task.baseCommit !== null) {
    const at = commit ? ` at ${shortCommit(sanitizeLine(commit))}` : "";
    row("Branch", sanitizeLine(result.branch) + at);
  }
  const done = task.result;
  if (result.merged && done?.mergedInto) {
    const as = done.mergeCommit ? ` as ${shortCommit(sanitizeLine(done.mergeCommit))}` : "";
    row("Merged", `into ${sanitizeLine(done.mergedInto)}${as}`, "good");
  }
  if (done?.url) row("Request", sanitizeLine(done.url));
  if (result.status === "done" && done?.commit !== undefined && done.commit === task.baseCommit) {
    row("Files", "nothing changed", "warn");
  }
  if (result.changedFiles.length > 0) {
    const shown = result.changedFiles.slice(0, 6).map(sanitizeLine).join(", ");
    const rest = result.changedFiles.length > 6 ? ", …" : "";
    row("Files", `${plural(result.changedFiles.length, "file")} changed: ${shown}${rest}`);
  }
}

function costWords(result: RunResult, simulated: boolean): string {
  const { input, output, cache } = result.tokens;
  const label = simulated ? "simulated, nothing was spent" : "estimated by the agent";
  const tokens = `${countWords(input + output + cache)} tokens`;
  return `${moneyWords(result.costUsd)} (${label}) · ${tokens} · ${plural(result.iterations, "iteration")} · ${durationWords(result.durationMs)}`;
}

/** What a person would type next, the likeliest first. */
export function nextCommands({ result, task, repository, question }: SummaryFacts): string[] {
  const git = `git -C ${shellWord(repository)}`;
  const id = task.shortId;
  const show = `makima tasks show ${id}`;
  const base = task.baseCommit ? shellWord(task.baseCommit.slice(0, 12)) : undefined;
  const tip = result.branch && task.baseCommit !== null ? shellWord(result.branch) : undefined;
  if (result.status === "done" && task.result?.commit === task.baseCommit) return [show];
  const diff = base && tip ? [`${git} diff ${base} ${tip}`] : [];
  switch (result.status) {
    case "done":
      if (result.merged)
        return [`${git} log --stat -1 ${task.result?.mergeCommit?.slice(0, 12) ?? ""}`.trim(), ...diff, show];
      return tip
        ? [`${git} log --stat ${base ? `${base}..` : ""}${tip}`, ...diff, `${git} merge ${tip}`, show]
        : [show];
    case "failed":
      if (task.status === "done") return [`makima tasks retry-completion-action ${id}`, ...diff, show];
      return [`makima tasks logs ${id}`, `makima tasks retry ${id}`, show];
    case "cancelled":
      return [`makima tasks checkpoints ${id}    its work is kept`, `makima tasks retry ${id}`];
    case "paused":
      return [`makima tasks resume ${id}`, `makima tasks logs -f ${id}`, show];
    case "blocked":
      return [...(question ? [answerCommand(question)] : unblock(task)), `makima tasks logs ${id}`, show];
  }
}

function unblock(task: TaskView): string[] {
  switch (task.blockedBy) {
    case "question":
      return ["makima inbox"];
    case "auth":
      return ["makima inbox    says where to sign in"];
    case "circuit_breaker":
    case "limit_reached":
    case "single_task":
      return [`makima tasks continue ${task.shortId} -i 5 --message "what to do differently"`];
    case "no_test_command":
      return [
        `makima tasks continue ${task.shortId} --message "…"    after setting test_command in makima.toml`,
      ];
    default:
      return task.status === "blocked" ? [`makima tasks continue ${task.shortId}`] : ["makima inbox"];
  }
}
