import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { MESSAGE_TYPES, type HistoryEntry } from "@makima/protocol/history";
import { entry } from "../run/testing/views.ts";
import { closeCalls, FOLD_START, foldEntry } from "./fold-entries.ts";
import type { Line } from "./line.ts";
import { renderLine } from "./live.ts";
import { terminalOf } from "./terminal.ts";

const PLAIN = terminalOf({ isTTY: false }, {});
const TTY = terminalOf({ isTTY: true, columns: 60 }, { TERM: "xterm" });

function fold(entries: HistoryEntry[], full = false): string[] {
  let state = FOLD_START;
  const lines: Line[] = [];
  for (const each of entries) {
    const folded = foldEntry(state, each, { full });
    state = folded.state;
    lines.push(...folded.lines);
  }
  return [...lines, ...closeCalls(state, "still open").lines].map((line) => renderLine(line, PLAIN));
}

test("a tool call and its result are one line with the time it took", () => {
  const lines = fold([
    entry(1, { messageType: "tool_use", toolName: "Bash", toolInput: { command: "npm test\necho done" } }),
    entry(19, { messageType: "tool_result", toolName: "Bash", content: "41 passed\n".repeat(50) }),
  ]);
  assert.deepEqual(lines, ["  ▸ Bash npm test …  18.0s"]);
});

test("a failed tool call is open: its last lines stand below it", () => {
  const lines = fold([
    entry(1, { messageType: "tool_use", toolName: "Bash", toolInput: { command: "npm test" } }),
    entry(2, { messageType: "tool_result", isError: true, durationMs: 1500, content: "one\ntwo\n" }),
  ]);
  assert.deepEqual(lines, ["  ✖ Bash npm test  1.5s", "    one", "    two"]);
});

test("paths in the worktree are told from there", () => {
  const call = entry(1, {
    messageType: "tool_use",
    toolName: "Read",
    toolInput: { file_path: "/w/t-1/src/a.ts" },
  });
  const { state } = foldEntry(FOLD_START, call, { full: false, root: "/w/t-1" });
  assert.equal(state.doing, "Read src/a.ts");
});

test("makima's own prompt is left out, a person's message is not", () => {
  const lines = fold([
    entry(1, { messageType: "iteration", content: "[iteration 1/10] begins" }),
    entry(2, { messageType: "user", content: "## Context Recovery" }),
    entry(3, { messageType: "user", content: "Use UTC" }),
  ]);
  assert.deepEqual(lines, ["[iteration 1/10] begins", "  › Use UTC"]);
});

test("a failed check shows what failed, not where in the test runner", () => {
  const content = "failed\nexpected 1\n    at Test.run (node:internal/test:1:2)\n    at async x.js:3:4";
  assert.deepEqual(fold([entry(1, { messageType: "tool_result", isError: true, content })]), [
    "  ✖ tool",
    "    failed",
    "    expected 1",
  ]);
});

test("results find their call by the tool's name, and a call without one is told of", () => {
  const lines = fold([
    entry(1, { messageType: "tool_use", toolName: "Read", toolInput: { file_path: "a.ts" } }),
    entry(2, { messageType: "tool_use", toolName: "Bash", toolInput: { command: "ls" } }),
    entry(3, { messageType: "tool_result", toolName: "Bash", durationMs: 100 }),
    entry(4, { messageType: "iteration", content: "[iteration 2/10]" }),
  ]);
  assert.deepEqual(lines, ["  ▸ Bash ls  0.1s", "  ▸ Read a.ts  no result", "[iteration 2/10]"]);
});

test("the agent's gate block is not printed twice: the verdict has a line of its own", () => {
  const lines = fold([
    entry(1, { content: "All good.\n<COMPLETION_GATE>\nready: true\n</COMPLETION_GATE>" }),
    entry(2, { messageType: "gate", content: "[iteration 1/10] not ready: tests fail" }),
  ]);
  assert.deepEqual(lines, ["  All good.", "↻ [iteration 1/10] not ready: tests fail"]);
});

test("only a verdict of done looks like one, whatever the agent says behind it", () => {
  const verdicts = [
    "[iteration 2/10] done: ready, and every check passed",
    "[iteration 2/10] done, unverified: nothing could be run that proves it",
    "[iteration 2/10] not ready: done: all is well",
    "[iteration 2/10] said ready, but the tests were weakened",
    "[iteration 2/10] failed: it crashed",
  ];
  const glyphs = fold(verdicts.map((content, index) => entry(index + 1, { messageType: "gate", content })));
  assert.deepEqual(
    glyphs.map((line) => line[0]),
    ["✔", "○", "↻", "↻", "✖"],
  );
});

test("a check that failed shows what it printed, one that passed does not", () => {
  const content = "tests pass: node --test\nnot ok 1";
  assert.deepEqual(fold([entry(1, { messageType: "check", content, isError: true })]), [
    "  ✖ tests pass: node --test",
    "    not ok 1",
  ]);
  assert.deepEqual(fold([entry(1, { messageType: "check", content })]), ["  ✔ tests pass: node --test"]);
});

test("a check that carries its evidence says in so many words what was verified, with remarks and output", () => {
  const toolInput = {
    criterion: "tests pass",
    kind: "tests_pass",
    verdict: "failed",
    command: "node --test",
    exitCode: 1,
    tests: { passed: 2, failed: 1 },
    outputTail: "not ok 3",
    remarks: ["one test was skipped"],
  };
  assert.deepEqual(
    fold([entry(1, { messageType: "check", content: "✖ failed", isError: true, toolInput })]),
    [
      "  ✖ tests pass — failed by node --test (exit 1, 2 passed, 1 failed)",
      "    ! one test was skipped",
      "    not ok 3",
    ],
  );
});

test("changes of state on the way to work are not told, those that matter are", () => {
  const lines = fold([
    entry(1, { messageType: "state", content: "pending → assigned: given to laptop" }),
    entry(2, { messageType: "state", content: "running → blocked: Maximum iterations (3) reached" }),
  ]);
  assert.deepEqual(lines, ["· running → blocked: Maximum iterations (3) reached"]);
});

test("a reason is told once, however many entries give it", () => {
  const reason = "Maximum iterations (3) reached";
  const lines = fold([
    entry(1, { messageType: "gate", content: `[iteration 3/3] stopped: ${reason}` }),
    entry(2, { messageType: "error", content: reason, isError: true }),
    entry(3, { messageType: "state", content: `running → blocked: ${reason}` }),
    entry(4, { messageType: "state", content: "blocked → cancelled" }),
  ]);
  assert.deepEqual(lines, [`↻ [iteration 3/3] stopped: ${reason}`, "· blocked → cancelled"]);
});

test("a question is not told as a tool call too", () => {
  const call = entry(1, {
    messageType: "tool_use",
    toolName: "AskUserQuestion",
    toolInput: { questions: [] },
  });
  assert.deepEqual(fold([call]), []);
  assert.deepEqual(fold([call, entry(2, { messageType: "tool_result", content: "Half up" })]), []);
});

test("a question comes with its numbered choices", () => {
  const choices = [{ label: "Half up" }, { label: "Bankers", description: "to even" }];
  const toolInput = { questionId: "q-1", choices };
  const lines = fold([
    entry(1, { messageType: "supervisor_question", content: "Half up or bankers?", toolInput }),
  ]);
  assert.deepEqual(lines, ["? Half up or bankers?", "    1  Half up", "    2  Bankers — to even"]);
});

test("thoughts, bookkeeping and pieces of texts are left out unless all is asked for", () => {
  const entries = [
    entry(1, { messageType: "thinking", content: "hmm" }),
    entry(2, { messageType: "usage", content: "100 tokens" }),
    entry(3, { content: "Hel", isPartial: true }),
  ];
  assert.deepEqual(fold(entries), []);
  assert.deepEqual(fold(entries, true), ["  hmm", "  100 tokens"]);
});

test("what the agent's program tells of itself is left out, what makima notices is not", () => {
  const lines = fold([
    entry(1, { messageType: "notice", content: "user_text: interrupted", toolInput: {} }),
    entry(2, { messageType: "result", content: "[ede_diagnostic] result_type=user", isError: true }),
    entry(3, { messageType: "notice", content: "The agent says nothing for 30 s" }),
    entry(4, { messageType: "result", content: "API Error: 500", isError: true }),
  ]);
  assert.deepEqual(lines, ["  ! The agent says nothing for 30 s", "  ✖ API Error: 500"]);
});

test("long texts are cut with what is left counted", () => {
  const content = Array.from({ length: 100 }, (_, n) => `line ${n}`).join("\n");
  const lines = fold([entry(1, { content })]);
  assert.equal(lines.length, 12);
  assert.equal(lines.at(-1), "  … 89 more lines");
});

test("no entry, however hostile, puts a control sequence or a line break of its own on the screen", () => {
  const nasty = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom(
      "\u001b]52;c;aGk=\u0007",
      "\u001b[2J\u001b[H",
      "\u009b31m",
      "a\rb",
      "x\u202ey",
      "\u0000",
      "\u001b",
      "\n\n",
    ),
  );
  const text = fc.array(nasty, { maxLength: 6 }).map((parts) => parts.join(""));
  const input = fc.oneof(
    fc.record({ command: text }),
    fc.record({
      choices: fc.array(fc.oneof(text, fc.record({ label: text, description: text }), fc.anything())),
    }),
    fc.anything(),
  );
  const hostile = fc.record({
    messageType: fc.constantFrom(...MESSAGE_TYPES),
    content: text,
    toolName: fc.option(text, { nil: undefined }),
    toolInput: input,
    isError: fc.boolean(),
    durationMs: fc.option(fc.integer({ min: -5, max: 1e9 }), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(hostile, { maxLength: 8 }), fc.boolean(), (given, full) => {
      let state = FOLD_START;
      given.forEach((each, index) => {
        const { toolName, ...rest } = each;
        const folded = foldEntry(state, entry(index + 1, toolName === undefined ? rest : each), { full });
        state = folded.state;
        for (const line of folded.lines) {
          const shown = renderLine(line, PLAIN);
          // oxlint-disable-next-line no-control-regex
          assert.doesNotMatch(shown, /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u202a-\u202e]/);
        }
        // oxlint-disable-next-line no-control-regex
        assert.doesNotMatch(state.doing, /[\u0000-\u001f\u007f-\u009f]/);
      });
    }),
    { numRuns: 300 },
  );
});

test("calls that never end do not fill memory", () => {
  let state = FOLD_START;
  let lines = 0;
  for (let n = 1; n <= 1000; n += 1) {
    const folded = foldEntry(state, entry(n, { messageType: "tool_use", toolName: "Bash" }), { full: false });
    state = folded.state;
    lines += folded.lines.length;
  }
  assert.equal(state.open.length, 64);
  assert.equal(lines, 936);
});

test("on a terminal a folded line fits its width and the agent's words are never cut", () => {
  const long: Line = { tone: "dim", glyph: "▸", text: "x".repeat(200), note: "1.0s", indent: 1 };
  const shown = renderLine(long, TTY);
  // oxlint-disable-next-line no-control-regex
  assert.ok(shown.replaceAll(/\u001b\[\d+m/g, "").length < 60);
  assert.ok(renderLine({ ...long, glyph: "" }, TTY).includes("x".repeat(200)));
});
