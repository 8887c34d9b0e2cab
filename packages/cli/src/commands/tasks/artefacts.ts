/** What a task left: its diff, checkpoints, evidence and prompt. */
import type { Command } from "commander";
import { routes } from "@makima/protocol/api/routes";
import { checkpointSchema, type CheckpointView } from "@makima/protocol/api/tasks";
import { evidenceSchema } from "@makima/protocol/gate";
import type { ContextOf } from "../../command-table.ts";
import type { Output } from "../../output.ts";
import { answeredFields } from "../../print/json-fields.ts";
import { renderLine } from "../../print/live.ts";
import { tailOf } from "../../print/line.ts";
import { evidenceWords } from "../../print/evidence.ts";
import { printTable, type Column } from "../../print/table.ts";
import { sanitize, type Style } from "../../print/terminal.ts";
import { ageWords, cut, shortCommit } from "../../print/words.ts";
import { wholeNumber } from "../../run/numbers.ts";
import { whichId } from "./which.ts";

const ID = "task: full or short id, or the beginning of one";

export function registerArtefacts(tasks: Command, context: ContextOf): void {
  tasks
    .command("diff")
    .description("Show what a task changed, as a patch")
    .argument("[id]", ID)
    .option("--from <commit>", "commit or checkpoint number to begin from; else the base")
    .option("--to <commit>", "commit or checkpoint number to end at; else the newest")
    .addHelpText("after", "\nExamples\n  makima tasks diff t-91c2\n  makima tasks diff t-91c2 | git apply\n")
    .action(async (typed: string | undefined, flags: { from?: string; to?: string }) => {
      const { env, out, connect } = await context();
      if (answeredFields(out, routes.showDiff.response!)) return;
      const id = whichId("task", typed, env);
      const { client } = await connect();
      const diff = await client.call(routes.showDiff, { params: { id }, query: flags });
      if (out.json) return out.value(diff);
      printPatch(out, diff.patch);
      if (diff.patch === "") out.note("Nothing changed.");
      if (diff.truncated) out.note("The patch is longer than what a daemon sends; see the branch with git.");
    });

  tasks
    .command("checkpoints")
    .description("List a task's checkpoints, newest first")
    .argument("[id]", ID)
    .option("-n, --limit <n>", "checkpoints at most", wholeNumber(1, 500), 30)
    .addHelpText(
      "after",
      "\nExamples\n  makima tasks checkpoints t-91c2\n  makima tasks checkpoints t-91c2 --json=n,commit\n",
    )
    .action(async (typed: string | undefined, flags: { limit: number }) => {
      const { env, out, connect } = await context();
      if (answeredFields(out, checkpointSchema)) return;
      const id = whichId("task", typed, env);
      const { client } = await connect();
      const page = await client.call(routes.listCheckpoints, {
        params: { id },
        query: { limit: flags.limit },
      });
      if (out.json) return out.value(page);
      if (page.items.length === 0) return out.note("No checkpoints yet.");
      printTable(out, checkpointColumns(Date.now()), page.items);
    });

  tasks
    .command("evidence")
    .description("Show what was run to check a task's newest iteration, and what came of it")
    .argument("[id]", ID)
    .option("--full", "all that each check printed")
    .addHelpText(
      "after",
      "\nExamples\n  makima tasks evidence t-91c2\n  makima tasks evidence t-91c2 --json=criterion,verdict\n",
    )
    .action(async (typed: string | undefined, flags: { full?: boolean }) => {
      const { env, out, connect } = await context();
      if (answeredFields(out, evidenceSchema)) return;
      const id = whichId("task", typed, env);
      const { client } = await connect();
      const { items } = await client.call(routes.listEvidence, { params: { id } });
      if (out.json) return out.value({ items });
      if (items.length === 0) return out.note("Nothing was checked yet.");
      for (const item of items) {
        const { text, tone } = evidenceWords(item);
        out.line(renderLine({ tone, glyph: "", text }, out.terminal));
        const most = flags.full ? Number.MAX_SAFE_INTEGER : item.verdict === "failed" ? 30 : 0;
        if (most === 0) continue;
        for (const line of tailOf(sanitize(item.outputTail ?? ""), "dim", most)) {
          out.line(renderLine({ ...line, tone: "plain" }, out.terminal));
        }
      }
    });

  tasks
    .command("prompt")
    .description("Print the prompt that the task's next iteration would begin with")
    .argument("[id]", ID)
    .addHelpText("after", "\nExamples\n  makima tasks prompt t-91c2\n")
    .action(async (typed: string | undefined) => {
      const { env, out, connect } = await context();
      if (answeredFields(out, routes.showPrompt.response!)) return;
      const id = whichId("task", typed, env);
      const { client } = await connect();
      const answer = await client.call(routes.showPrompt, { params: { id } });
      if (out.json) return out.value(answer);
      const head = (title: string) => out.line(out.terminal.paint("bold", `── ${title} ──`));
      head("system prompt");
      out.line(sanitize(answer.systemPrompt));
      head("prompt");
      out.line(sanitize(answer.prompt));
    });
}

function checkpointColumns(now: number): Column<CheckpointView>[] {
  return [
    { title: "N", align: "right", show: ({ n }) => String(n) },
    { title: "COMMIT", show: ({ commit }) => shortCommit(commit), raw: ({ commit }) => commit },
    { title: "AGE", align: "right", show: ({ at }) => ageWords(now - Date.parse(at)), raw: ({ at }) => at },
    { title: "FILES", align: "right", show: ({ files }) => String(files) },
    {
      title: "CHANGE",
      show: ({ insertions, deletions }) => `+${insertions} -${deletions}`,
    },
    { title: "MESSAGE", show: ({ message }) => cut(message, 60), raw: ({ message }) => message },
    { title: "REF", show: ({ ref }) => ref },
  ];
}

/** A patch as it is where a program reads it, and safe and coloured where a person does. */
function printPatch(out: Output, patch: string): void {
  if (!out.terminal.isTty) {
    out.line(patch, "");
    return;
  }
  for (const line of sanitize(patch).trimEnd().split("\n")) {
    const style = styleOf(line);
    out.line(style ? out.terminal.paint(style, line) : line);
  }
}

function styleOf(line: string): Style | undefined {
  if (/^(?:diff |index |\+\+\+ |--- )/.test(line)) return "bold";
  if (line.startsWith("@@")) return "cyan";
  if (line.startsWith("+")) return "green";
  return line.startsWith("-") ? "red" : undefined;
}
