/** The laws that hold for every task that came to its end, whatever was killed on the way. */
import assert from "node:assert/strict";
import { routes } from "@makima/protocol/api/routes";
import type { TaskView } from "@makima/protocol/api/task-schema";
import type { HistoryEntry } from "@makima/protocol/history";
import { git } from "./repository.ts";
import { processesOfRuns, type System } from "./system.ts";

export interface Expected {
  repository: string;
  /** Numbered lines that the script says: `line 1 #nonce` … */
  lines: number;
  /** Files that the work must hold, with their content. */
  files: Record<string, string>;
}

export async function assertLaws(system: System, task: TaskView, expected: Expected): Promise<void> {
  const history = await system.history(task.id);
  try {
    await assertAll(system, task, expected, history);
  } catch (cause) {
    throw new Error(`${String(cause)}\n\nThe story of ${task.shortId}:\n${storyOf(history)}`, { cause });
  }
}

/** What is not numbered lines, for whoever reads a failure. */
function storyOf(history: readonly HistoryEntry[]): string {
  return history
    .filter((entry) => !/^line \d+ #/.test(entry.content))
    .map(
      (entry) =>
        `${entry.seq} ${entry.at.slice(11, 23)} ${entry.messageType}: ${entry.content.slice(0, 120).replaceAll("\n", " ")}`,
    )
    .join("\n");
}

async function assertAll(
  system: System,
  task: TaskView,
  expected: Expected,
  history: readonly HistoryEntry[],
): Promise<void> {
  assertNumbered(history, task);
  assertLines(history, expected.lines);
  await assertCompletedOnce(system, task);
  for (const [path, content] of Object.entries(expected.files)) {
    assert.equal(
      git(expected.repository, "show", `${task.branch}:${path}`),
      content.trim(),
      `${path} on the branch`,
    );
  }
  const runs = [...new Set(history.flatMap((entry) => (entry.runId === undefined ? [] : [entry.runId])))];
  assert.deepEqual(processesOfRuns(runs), [], "processes of the task are left over");
}

/** Law: the history has no gap and no double. */
function assertNumbered(history: readonly HistoryEntry[], task: TaskView): void {
  assert.deepEqual(
    history.map((entry) => entry.seq),
    Array.from({ length: history.length }, (_, index) => index + 1),
    "the history is numbered without gaps",
  );
  assert.ok(task.lastSeq <= history.length);
}

function assertLines(history: readonly HistoryEntry[], count: number): void {
  const said = history.filter(
    (entry) => entry.messageType === "assistant" && /^line \d+ #/.test(entry.content),
  );
  const texts = said.map((entry) => entry.content.trim());
  const doubled = texts.filter((text, index) => texts.indexOf(text) !== index);
  assert.deepEqual(doubled, [], "a line that was said once stands in the history twice");
  const numbers = new Set(texts.map((text) => Number(/^line (\d+)/.exec(text)?.[1])));
  const missing = Array.from({ length: count }, (_, index) => index + 1).filter(
    (number) => !numbers.has(number),
  );
  assert.deepEqual(missing, [], "lines that were said are missing from the history");
}

/** Law: exactly one completion is accepted, and the story tells the same as the record. */
async function assertCompletedOnce(system: System, task: TaskView): Promise<void> {
  assert.equal(task.status, "done", JSON.stringify(task.error));
  assert.ok(task.contractId);
  const completions: unknown[] = [];
  let after: string | undefined;
  do {
    const page = await system.client.call(routes.listContractEvents, {
      params: { id: task.contractId },
      query: { limit: 500, ...(after === undefined ? {} : { after }) },
    });
    completions.push(...page.items.filter((event) => event.type === "TaskCompleted"));
    after = page.nextCursor ?? undefined;
  } while (after !== undefined);
  assert.equal(completions.length, 1, "a task is completed exactly once");
}
