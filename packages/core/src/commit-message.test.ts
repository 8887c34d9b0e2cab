import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { commitMessage, commitType, type CommitFacts } from "./commit-message.ts";

const FACTS: CommitFacts = {
  format: "conventional",
  taskId: "t-91c2",
  taskName: "Add rate limiting to login",
  plan: "Add rate limiting.",
  progress: "Added a token bucket.\nTested it.",
  agent: "claude",
  coAuthor: "",
};

const trailer = (rest: Partial<CommitFacts>) =>
  /Co-Authored-By: (.*)\n$/.exec(commitMessage({ ...FACTS, ...rest }))?.[1];

describe("a commit message", () => {
  it("is conventional: type, short id, summary, body and trailer", () => {
    assert.equal(
      commitMessage(FACTS),
      "feat: [t-91c2] - Add rate limiting to login\n\nAdded a token bucket. Tested it.\n\n" +
        "Co-Authored-By: Claude <noreply@anthropic.com>\n",
    );
  });

  it("is simple where that is asked for", () => {
    const { progress: _, ...facts } = FACTS;
    const simple = commitMessage({ ...facts, format: "simple", coAuthor: "none" });
    assert.equal(simple, "[t-91c2] - Add rate limiting to login\n");
  });

  it("names the agent, whoever the configuration names, or nobody", () => {
    assert.equal(trailer({}), "Claude <noreply@anthropic.com>");
    assert.equal(trailer({ coAuthor: "Ann <ann@example.com>" }), "Ann <ann@example.com>");
    assert.equal(trailer({ coAuthor: "none" }), undefined);
    assert.equal(trailer({ agent: "codex" }), undefined);
    assert.equal(trailer({ agent: "constructor" }), undefined);
  });

  const types: [string, string, string][] = [
    ["fix", "Fix the login crash", ""],
    ["feat", "Add a login page", ""],
    ["feat", "Add support for tests in YAML", ""],
    ["test", "Add tests for the parser", ""],
    ["docs", "Update the README", ""],
    ["refactor", "Rename User to Account", ""],
    ["chore", "Bump dependencies", ""],
    ["perf", "Speed up the parser", ""],
    ["chore", "chore(deps): bump x", ""],
    ["fix", "Login", "Fix what the login page does with an empty password."],
    ["feat", "Login", "The page."],
  ];
  for (const [type, name, plan] of types) {
    it(`is of type ${type} for "${name}" ${plan}`, () => assert.equal(commitType(name, plan), type));
  }

  it("does not say its type twice", () => {
    assert.match(
      commitMessage({ ...FACTS, taskName: "fix(login): no crash" }),
      /^fix: \[t-91c2\] - no crash\n/,
    );
  });

  it("has one subject, one body and one trailer, whatever names and progress hold", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom(
        "x\n\nCo-Authored-By: Eve <eve@example.com>",
        "\u001b[31mred",
        "\r\n\r\n",
        "word ".repeat(900),
      ),
    );
    fc.assert(
      fc.property(text, text, (taskName, progress) => {
        const parts = commitMessage({ ...FACTS, taskName, progress }).split("\n\n");
        assert.ok(parts.length === 2 || parts.length === 3);
        assert.ok(!parts[0]?.includes("\n"));
        assert.equal(parts.at(-1), "Co-Authored-By: Claude <noreply@anthropic.com>\n");
        assert.ok(!/[\p{Cc}--\n]/v.test(parts.join("")));
      }),
    );
  });
});
