/** What a person reads before the work begins: what, where, with whom, and what is not part of it. */
import type { TaskView } from "@makima/protocol/api/task-schema";
import type { Line } from "../print/line.ts";
import { sanitizeLine } from "../print/terminal.ts";
import { cut, plural, shortCommit } from "../print/words.ts";
import type { Created } from "./create.ts";
import type { LocalRepository } from "./repository.ts";

const ACTIONS = {
  none: "nothing further",
  branch: "a commit on a branch of its own",
  merge: "a merge",
  pr: "a pull request",
} as const;

export function openingLines(goal: string, repository: LocalRepository, { contract, task }: Created): Line[] {
  const from = `${sanitizeLine(repository.baseBranch)} at ${shortCommit(repository.baseCommit)}`;
  const lines: Line[] = [
    {
      tone: "head",
      glyph: "",
      text: cut(sanitizeLine(goal), 100),
      note: `${task.shortId} · ${contract.shortId}`,
    },
    dim(`Repository  ${sanitizeLine(repository.path)}, from ${from}`),
    dim(`Agent       ${agentWords(task)} · ${loopWords(task)} · then ${ACTIONS[task.completionAction]}`),
    dim("Ctrl-C pauses it and keeps its work"),
  ];
  if (repository.uncommitted > 0) {
    const files = plural(repository.uncommitted, "file");
    const text = `${files} with uncommitted changes: not part of the base, so the agent does not see them`;
    lines.push({ tone: "warn", glyph: "!", text, indent: 1 });
  }
  return lines;
}

function agentWords(task: TaskView): string {
  const model = task.model === null ? "" : `, ${sanitizeLine(task.model)}`;
  return (task.agent === "sim" ? "simulated" : task.agent) + model;
}

function loopWords(task: TaskView): string {
  const loops = task.autonomousLoop && !task.singleTask;
  return loops ? `up to ${plural(task.maxIterations, "iteration")}` : "one iteration";
}

function dim(text: string): Line {
  return { tone: "dim", glyph: "", text, indent: 1 };
}
