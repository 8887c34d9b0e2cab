import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { filesNamed, oversizedRefusal, sizeTask } from "./sizing.ts";

describe("the size of a task", () => {
  it("is no matter for a small plan", () => {
    const sizing = sizeTask("Fix the date parser in src/date.ts and its test.");
    assert.deepEqual(sizing.warnings, []);
    assert.deepEqual(sizing.suggestedSplit, []);
    assert.equal(oversizedRefusal(sizing), undefined);
  });

  it("warns of more than ten files, more than 500 words, and words of scope", () => {
    const files = Array.from({ length: 11 }, (_, at) => `src/part${at}/index.ts`).join(" ");
    const plan = `Refactor the entire thing: ${files} ${"word ".repeat(500)}`;
    const { warnings, words } = sizeTask(plan);
    assert.equal(words, 515);
    assert.deepEqual(
      warnings.map((warning) => [warning.kind, warning.strength, warning.message]),
      [
        ["files", "warning", "It names 11 files (more than 10)"],
        ["words", "warning", "Its plan has 515 words (more than 500)"],
        ["scope", "strong", 'It says "entire", "refactor": name the parts instead'],
      ],
    );
  });

  it("does not take a word of scope inside another for one", () => {
    assert.deepEqual(sizeTask("Install the small wall, incompletely.").warnings, []);
    assert.equal(sizeTask("ALL of it").warnings[0]?.kind, "scope");
  });

  it("warns of more than half a context to read", () => {
    assert.ok(sizeTask("日".repeat(150_000)).warnings.some((warning) => warning.kind === "tokens"));
  });

  it("suggests the plan's own parts, else the folders of its files", () => {
    assert.deepEqual(sizeTask("Do all:\n- the parser\n- [ ] the printer\n").suggestedSplit, [
      "the parser",
      "the printer",
    ]);
    assert.deepEqual(sizeTask("Change all of api/a.ts, api/b.ts, web/c.tsx and README.md").suggestedSplit, [
      "what concerns api: a.ts, b.ts",
      "what concerns web: c.tsx",
      "what concerns the top folder: README.md",
    ]);
    assert.match(
      oversizedRefusal(sizeTask("Do all:\n- the parser\n- the printer")) ?? "",
      /too large.*\n- the parser\n/s,
    );
  });

  it("counts files, and not versions, hosts, abbreviations or calls", () => {
    const plan =
      "Use Node.js 24.1 (e.g. on example.com): src/a.ts, ./b.test.ts, a.ts again src/a.ts; obj.call() v1.2.3";
    assert.deepEqual(filesNamed(plan), ["src/a.ts", "b.test.ts", "a.ts"]);
  });

  it("is found in linear time", { timeout: 30_000 }, () => {
    for (const piece of ["a/", "a.", ".", "-", "a", "@", "- a\n", "/"]) sizeTask(piece.repeat(500_000));
  });
});
