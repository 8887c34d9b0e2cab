import type { Command } from "commander";
import { routes } from "@makima/protocol/api/routes";
import { taskSchema, type TaskView } from "@makima/protocol/api/task-schema";
import type { ContextOf } from "../../command-table.ts";
import type { Output } from "../../output.ts";
import { answeredFields } from "../../print/json-fields.ts";
import { evidenceWords } from "../../print/evidence.ts";
import { paintStatus, sanitizeLine } from "../../print/terminal.ts";
import { ageWords, countWords, cut, durationWords, moneyWords, shortCommit } from "../../print/words.ts";
import { waitingFor } from "./columns.ts";
import { whichId } from "./which.ts";

export function registerShow(tasks: Command, context: ContextOf): void {
  tasks
    .command("show")
    .description("Show a task")
    .argument("[id]", "task: full or short id, or the beginning of one")
    .addHelpText(
      "after",
      "\nExamples\n  makima tasks show t-91c2\n  makima tasks show t-91c2 --json=status,branch,evidence\n",
    )
    .action(async (typed: string | undefined) => {
      const { env, out, connect } = await context();
      if (answeredFields(out, taskSchema)) return;
      const id = whichId("task", typed, env);
      const { client } = await connect();
      const task = await client.call(routes.showTask, { params: { id } });
      if (out.json) return out.value(task);
      printTask(out, task, Date.now());
    });
}

/** A task as its facts, one a line; piped: name, tab, value. */
export function printTask(out: Output, task: TaskView, now: number): void {
  const { terminal } = out;
  const status = terminal.isTty ? paintStatus(terminal, task.status) : task.status;
  const row = (name: string, text: string | null | undefined) => {
    if (text === null || text === undefined || text === "") return;
    out.line(
      terminal.isTty
        ? `${name.padEnd(12)} ${sanitizeLine(text)}`
        : `${name.toLowerCase()}\t${sanitizeLine(text)}`,
    );
  };
  out.line(
    terminal.isTty ? `${sanitizeLine(task.name)}  ${task.shortId}  ${status}` : `task\t${task.shortId}`,
  );
  if (!terminal.isTty) row("Status", task.status);
  row("Plan", terminal.isTty ? cut(task.plan, 200) : task.plan);
  row(task.status === "failed" ? "Why" : "Waiting for", waitingFor(task, ""));
  row("Wakes at", task.wakeAt);
  const simulated = task.agent === "sim" ? " (simulated)" : "";
  row("Agent", `${task.agent}${simulated}${task.model ? ` ${task.model}` : ""}`);
  row("Loop", task.autonomousLoop ? `iteration ${task.iteration} of ${task.maxIterations}` : "one iteration");
  row("Attempt", task.attempt > 1 ? `${task.attempt} of ${task.maxAttempts}` : null);
  const base = task.baseCommit ? ` at ${shortCommit(task.baseCommit)}` : "";
  row("Base", task.baseBranch ? task.baseBranch + base : null);
  row("Branch", task.branch);
  row("Worktree", task.worktreePath);
  row("Session", task.sessionId);
  row("Gate", gateWords(task));
  task.evidence.forEach((evidence, index) => row(index === 0 ? "Checks" : "", evidenceWords(evidence).text));
  row("Action", actionWords(task));
  const { inputTokens, outputTokens, cacheTokens, costUsd } = task.usage;
  const tokens = countWords(inputTokens + outputTokens + cacheTokens);
  row(
    "Cost",
    `${moneyWords(costUsd)}${simulated} · ${tokens} tokens · ${durationWords(task.runtimeSecs * 1000)} of agent time`,
  );
  row("Changed", terminal.isTty ? `${ageWords(now - Date.parse(task.updatedAt))} ago` : task.updatedAt);
  if (terminal.isTty) nextSteps(task).forEach((step, index) => row(index === 0 ? "Next" : "", step));
}

function gateWords({ gate }: TaskView): string | null {
  if (!gate) return null;
  const why = gate.reason ? `: ${gate.reason}` : "";
  const blockers = gate.blockers.length > 0 ? ` (blockers: ${gate.blockers.join("; ")})` : "";
  return (gate.ready ? "ready" : "not ready") + why + blockers;
}

function actionWords({ completionAction, result }: TaskView): string {
  if (!result) return completionAction;
  if (!result.ok) return `${result.action} did not succeed: ${result.error ?? ""}`;
  const merged = result.mergedInto ? ` into ${result.mergedInto}` : "";
  const at = result.mergeCommit ?? result.commit;
  return `${result.action}${merged}${at ? ` at ${shortCommit(at)}` : ""}${result.url ? ` ${result.url}` : ""}`;
}

function nextSteps(task: TaskView): string[] {
  const id = task.shortId;
  switch (task.status) {
    case "blocked":
      return task.blockedBy === "question" ? ["makima inbox"] : [`makima tasks continue ${id} --message "…"`];
    case "paused":
      return [`makima tasks resume ${id}`];
    case "failed":
    case "cancelled":
      return [`makima tasks retry ${id}`];
    case "done":
      return task.result && !task.result.ok
        ? [`makima tasks retry-completion-action ${id}`]
        : [`makima tasks diff ${id}`, `makima tasks evidence ${id}`];
    default:
      return [`makima tasks logs -f ${id}`, `makima tasks pause ${id}`];
  }
}
