import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { classCriterion, readCriteria, refuseOnlyVague, withStandardCriteria } from "./criteria.ts";

const texts = (plan: string): string[] => readCriteria(plan).map((criterion) => criterion.text);

describe("acceptance criteria in a plan", () => {
  it("are the list under their heading, until the next heading", () => {
    const plan =
      "# Plan\n- not this\n\n## Acceptance criteria\n\n1. one\n- [ ] two\n* three\n  goes on\n\n## Notes\n- nor this";
    assert.deepEqual(texts(plan), ["one", "two", "three goes on"]);
    for (const heading of [
      "**Acceptance Criteria**",
      "Acceptance criteria:",
      "### Definition of done",
      "Done when:",
    ]) {
      assert.deepEqual(texts(`${heading}\r\n- one\r\n- two`), ["one", "two"], heading);
    }
  });

  it("are the checklist where there is no such heading", () => {
    assert.deepEqual(texts("Do it\n- [ ] one\n- [x] two\n- three"), ["one", "two"]);
  });

  it("are not read from code", () => {
    assert.deepEqual(texts("```\n## Acceptance criteria\n- no\n```\n- [ ] yes"), ["yes"]);
  });

  it("may be none, which is no error", () => {
    assert.deepEqual(readCriteria("Just do it"), []);
    assert.equal(refuseOnlyVague([]), undefined);
  });

  const commands: [string, string][] = [
    ["`npm test` passes", "npm test"],
    ["`cargo build --release` is warning free", "cargo build --release"],
    ["`pytest` is green", "pytest"],
    ["`CI=1 npm run e2e` passes", "CI=1 npm run e2e"],
    ["`./scripts/check.sh` exits with 0", "./scripts/check.sh"],
    ["Running `frobnicate --all` works", "frobnicate --all"],
    ["`make` succeeds", "make"],
    ["`node_modules/.bin/tsc -p .` reports no error", "node_modules/.bin/tsc -p ."],
    ["The `parse` function is covered: `npx vitest run parse`", "npx vitest run parse"],
  ];
  for (const [text, command] of commands) {
    it(`of "${text}" run ${command}`, () => {
      assert.deepEqual(classCriterion(text), { text, kind: "command", command });
    });
  }

  const names = [
    "`parse` passes its input on",
    "`load()` succeeds",
    "The `node` field is set",
    "`npm run build` fails without a key",
    "`UserService` is no longer used",
    "`Foo.bar` returns a date",
  ];
  for (const text of names) {
    it(`do not take the name in "${text}" for a command`, () =>
      assert.equal(classCriterion(text).kind, "vague"));
  }

  it("are classed by what can be run or seen", () => {
    const kinds = [
      "All tests pass",
      "The test suite is green",
      "No lint errors",
      "Lint passes",
      "The type check passes",
      "No type errors",
      "No uncommitted changes",
    ].map((text) => classCriterion(text).kind);
    assert.deepEqual(kinds, [
      "tests",
      "tests",
      "lint",
      "lint",
      "typecheck",
      "typecheck",
      "no_uncommitted_changes",
    ]);
    assert.equal(classCriterion("`docs/a.md` exists").path, "docs/a.md");
    assert.equal(classCriterion("A file CHANGELOG.md is added").path, "CHANGELOG.md");
  });

  it("name no file outside the repository, and none that must be gone", () => {
    for (const text of [
      "`/etc/passwd` exists",
      "`../secret.txt` exists",
      "`a/../../b.txt` exists",
      "`a.ts` does not exist",
    ]) {
      assert.equal(classCriterion(text).path, undefined, text);
    }
  });

  it("that are vague come with a suggestion", () => {
    assert.match(
      classCriterion("The login works correctly").suggestion ?? "",
      /"works correctly" is a matter of opinion/,
    );
    assert.match(classCriterion("Users can log in").suggestion ?? "", /name a command/);
    assert.match(refuseOnlyVague(readCriteria("- [ ] good UX")) ?? "", /None of the acceptance criteria/);
    assert.equal(refuseOnlyVague(readCriteria("- [ ] good UX\n- [ ] tests pass")), undefined);
  });

  it("get the standard ones they lack, where there is something to run", () => {
    const standard = ["no_uncommitted_changes", "tests_pass", "lint_passes"] as const;
    const all = withStandardCriteria(readCriteria("- [ ] All tests pass"), standard, {
      tests: true,
      lint: true,
    });
    assert.deepEqual(
      all.map((criterion) => criterion.kind),
      ["tests", "no_uncommitted_changes", "lint"],
    );
    const none = withStandardCriteria([], standard, { tests: false, lint: false });
    assert.deepEqual(
      none.map((criterion) => criterion.kind),
      ["no_uncommitted_changes"],
    );
  });

  it("never throw and stay with the text, whatever the plan", () => {
    const line = fc.oneof(
      fc.string(),
      fc.constantFrom("## Acceptance criteria", "- [ ] `npm test`", "```", "- ` `", "  x"),
    );
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        for (const criterion of readCriteria(lines.join("\n"))) {
          assert.equal(criterion.kind === "command", criterion.command !== undefined);
          assert.equal(criterion.kind === "file", criterion.path !== undefined);
          assert.equal(criterion.kind === "vague", criterion.suggestion !== undefined);
        }
      }),
    );
  });
});
