import assert from "node:assert/strict";
import { test } from "node:test";
import type { TaskView } from "@makima/protocol/api/task-schema";
import { EXIT } from "../exit-codes.ts";
import { exitOf, resultOf, type Stopped } from "../run/result.ts";
import { doneTask, taskView } from "../run/testing/views.ts";
import { renderLine } from "./live.ts";
import { summaryLines } from "./summary.ts";
import { terminalOf } from "./terminal.ts";

const PLAIN = terminalOf({ isTTY: false }, {});

function summary(task: TaskView, stopped?: Stopped): string {
  const result = resultOf({ task, stopped, durationMs: 38_000 });
  const facts = { result, task, contractShortId: "c-7f3a", repository: "/tmp/my repo" };
  return summaryLines(facts)
    .map((line) => renderLine(line, PLAIN))
    .join("\n");
}

test("a done task says what was done, where it is, what proves it and what to type next", () => {
  assert.equal(
    summary(doneTask()),
    `
✔ Done (simulated): Fix the date test  t-91c2 · c-7f3a
  Did       Fixed the month
  Branch    makima/fix-date/fix-t-91c2 at bbbbbbbbbb
  Files     1 file changed: src/date.ts
  Checks    ✔ tests pass — verified by node --test (exit 0, 3 passed, 0 failed, on bbbbbbbbbb, 0.9s)
  Cost      $0.12 (simulated, nothing was spent) · 1.1k tokens · 2 iterations · 38.0s
  Next      git -C '/tmp/my repo' log --stat aaaaaaaaaaaa..makima/fix-date/fix-t-91c2
            git -C '/tmp/my repo' diff aaaaaaaaaaaa makima/fix-date/fix-t-91c2
            git -C '/tmp/my repo' merge makima/fix-date/fix-t-91c2
            makima tasks show t-91c2`,
  );
});

test("what could not be checked is called unverified", () => {
  assert.match(summary(doneTask({ evidence: [] })), /Checks {4}○ unverified: no test was found to run/);
});

test("how it ended gives status, reason and exit code", () => {
  const failedMerge = { action: "merge" as const, ok: false, error: "main has moved on" };
  const table: [string, TaskView, Stopped | undefined, string, string | null, number][] = [
    ["done", doneTask(), undefined, "done", "the test passes", EXIT.ok],
    ["merge failed", doneTask({ result: failedMerge }), undefined, "failed", "main has moved on", EXIT.error],
    [
      "failed",
      taskView({ status: "failed", error: { kind: "crash", message: "It broke" } }),
      undefined,
      "failed",
      "It broke",
      EXIT.error,
    ],
    ["cancelled", taskView({ status: "cancelled" }), undefined, "cancelled", "Cancelled.", EXIT.error],
    [
      "breaker",
      taskView({
        status: "blocked",
        blockedBy: "circuit_breaker",
        blockedDetail: "No file changes for 3 consecutive runs",
      }),
      undefined,
      "blocked",
      "No file changes for 3 consecutive runs",
      EXIT.needsPerson,
    ],
    [
      "paused by another",
      taskView({ status: "paused" }),
      undefined,
      "paused",
      "Paused by somebody else.",
      EXIT.needsPerson,
    ],
    [
      "Ctrl-C",
      taskView({ status: "paused" }),
      "interrupt",
      "paused",
      "Stopped with Ctrl-C.",
      EXIT.interrupted,
    ],
    [
      "Ctrl-C, still stopping",
      taskView({ pauseRequested: true }),
      "interrupt",
      "paused",
      "Stopped with Ctrl-C.",
      EXIT.interrupted,
    ],
    [
      "time-out",
      taskView({ status: "paused" }),
      "timeout",
      "paused",
      "The time given with --timeout is over.",
      EXIT.timeout,
    ],
    ["question", taskView(), "question", "blocked", "The agent waits for an answer.", EXIT.needsPerson],
    ["done at the very end of the time", doneTask(), "timeout", "done", "the test passes", EXIT.ok],
  ];
  for (const [about, task, stopped, status, reason, exit] of table) {
    const result = resultOf({ task, stopped, durationMs: 1 });
    assert.equal(result.status, status, about);
    assert.equal(result.reason, reason, about);
    assert.equal(exitOf(result, stopped), exit, about);
  }
});

test("a merge is told as merged, with the commit that it made", () => {
  const merged = {
    action: "merge" as const,
    ok: true,
    branch: "makima/x",
    commit: "b".repeat(40),
    mergedInto: "main",
    mergeCommit: "c".repeat(40),
    changedFiles: [],
  };
  const result = resultOf({ task: doneTask({ result: merged }), durationMs: 1 });
  assert.equal(result.merged, true);
  assert.equal(result.commit, "c".repeat(40));
  assert.match(summary(doneTask({ result: merged })), /Merged {4}into main as cccccccccc/);
});

test("each way to stand still says how to go on", () => {
  assert.match(summary(taskView({ status: "paused" }), "interrupt"), /Next {6}makima tasks resume t-91c2/);
  assert.match(
    summary(taskView({ status: "blocked", blockedBy: "limit_reached" })),
    /makima tasks continue t-91c2 -i 5/,
  );
  assert.match(summary(taskView({ status: "blocked", blockedBy: "question" })), /makima inbox/);
  assert.match(summary(taskView({ status: "failed" })), /makima tasks retry t-91c2/);
});

test("an agent's words cannot write to the terminal or look like commands of their own", () => {
  const nasty = "x\u001b[2Jy\nNext      rm -rf /\u202e";
  const text = summary(
    doneTask({ name: nasty, branch: nasty, gate: { ready: true, progress: nasty, blockers: [], extra: {} } }),
  );
  // oxlint-disable-next-line no-control-regex
  assert.doesNotMatch(text, /[\u001b\u202e]|\n *Next {6}rm/);
});
