import assert from "node:assert/strict";
import { test } from "node:test";
import { readArguments } from "./arguments.ts";

const STREAM = ["--output-format=stream-json", "--input-format", "stream-json"];
const FULL = [...STREAM, "--verbose"];
const ID = "9df2e274-a311-42ac-824b-347e20146798";

test("every flag that makima gives is read", () => {
  const read = readArguments([
    ...FULL,
    "--dangerously-skip-permissions",
    "--permission-prompt-tool",
    "stdio",
    "--append-system-prompt",
    "--- rules that begin with dashes",
    "--model=opus",
    "--max-budget-usd",
    "1.5",
    "--max-turns=7",
    "--setting-sources",
    "user",
    "--resume",
    ID,
    "--fork-session",
  ]);
  assert.deepEqual(read, {
    kind: "converse",
    options: {
      resume: ID,
      model: "opus",
      maxTurns: 7,
      maxBudgetUsd: 1.5,
      continueLast: false,
      fork: true,
      skipPermissions: true,
      asksOverStdio: true,
      replayUserMessages: false,
    },
  });
});

test("what claude refuses is refused in claude's words", () => {
  const refused: readonly (readonly [string[], RegExp])[] = [
    [[...FULL, "--nonsense"], /^error: unknown option '--nonsense'$/],
    [[...FULL, "--model"], /^error: option '--model <value>' argument missing$/],
    [STREAM, /^Error: When using --print, --output-format=stream-json requires --verbose$/],
    [[...FULL, "--session-id", "abc"], /^Error: Invalid session ID\. Must be a valid UUID\.$/],
    [[...FULL, "--session-id", ID, "--resume", ID], /--fork-session is also specified/],
    [[...FULL, "--system-prompt=a", "--system-prompt-file=b"], /Cannot use both --system-prompt and/],
    [[...FULL, "--system-prompt-file=/nowhere"], /System prompt file not found: \/nowhere/],
    [[...FULL, "--max-turns=none"], /argument 'none' is invalid/],
    [["--verbose"], /speaks only --output-format=stream-json/],
  ];
  for (const [argv, message] of refused) {
    const read = readArguments(argv);
    assert.equal(read.kind, "refuse", argv.join(" "));
    assert.match(read.kind === "refuse" ? read.message : "", message);
  }
});

test("the subcommands and --version are told apart", () => {
  assert.deepEqual(readArguments(["auth", "status"]), { kind: "authStatus" });
  assert.deepEqual(readArguments(["setup-token"]), { kind: "setupToken" });
  assert.deepEqual(readArguments(["--version"]), { kind: "version" });
  assert.deepEqual(readArguments(["-v"]), { kind: "version" });
});
