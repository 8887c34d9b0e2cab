import assert from "node:assert/strict";
import { test } from "node:test";
import { renderLine } from "../print/live.ts";
import { terminalOf } from "../print/terminal.ts";
import { answerCommand, questionLines, readAnswer } from "./questions.ts";
import { questionView } from "./testing/views.ts";

const permission = questionView({
  kind: "permission",
  question: "The agent wants to use Bash.",
  choices: [],
  toolName: "Bash",
  toolInput: { command: "rm -rf build\u001b[2J" },
});

test("a number chooses, anything else is the answer in words", () => {
  const question = questionView();
  const table: [string, string | undefined][] = [
    ["1", "Half up"],
    [" 2 ", "Bankers"],
    ["3", undefined],
    ["0", undefined],
    ["", undefined],
    ["2 decimals", "2 decimals"],
  ];
  for (const [typed, answer] of table) assert.equal(readAnswer(typed, question), answer, typed);
  assert.equal(readAnswer("3", questionView({ choices: [] })), "3", "without choices a number is a number");
});

test("a permission is given or refused, never by a slip of the keyboard", () => {
  const table: [string, string | undefined][] = [
    ["1", "allow"],
    ["y", "allow"],
    ["2", "deny"],
    ["No", "deny"],
    ["yess", undefined],
    ["3", undefined],
  ];
  for (const [typed, answer] of table) assert.equal(readAnswer(typed, permission), answer, typed);
  assert.match(answerCommand(permission), /answer q-204a deny/);
});

test("a question shows what it is about, made safe, with numbered choices", () => {
  const terminal = terminalOf({ isTTY: false }, {});
  assert.deepEqual(
    questionLines(permission).map((line) => renderLine(line, terminal)),
    [
      "? The agent wants to use Bash.  q-204a",
      "  ▸ Bash rm -rf build",
      "    1  allow",
      "    2  deny",
      "  makima inbox answer q-204a deny    (or: allow)",
    ],
  );
});
