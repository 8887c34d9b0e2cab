import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { formatProgress, parseProgress, type ProgressEntry } from "./progress-log.ts";

const ENTRY: ProgressEntry = {
  at: "2026-01-22T10:00:00Z",
  taskId: "t-91c2",
  taskName: "parse dates",
  status: "not ready",
  filesChanged: ["a.ts", "b.ts"],
  learnings: ["the parser is generated"],
};

describe("progress.log", () => {
  it("has its entries in the form that people and agents read", () => {
    assert.equal(
      formatProgress(ENTRY),
      `## [2026-01-22T10:00:00Z] - Task [t-91c2]: parse dates
- Status: not ready
- Files changed: a.ts, b.ts
- **Learnings:**
  - the parser is generated
---
`,
    );
  });

  it("counts files beyond the first twenty", () => {
    const filesChanged = Array.from({ length: 23 }, (_, at) => `f${at}.ts`);
    const text = formatProgress({ ...ENTRY, filesChanged });
    assert.match(text, /f19\.ts, … and 3 more\n/);
    assert.equal(parseProgress(text)[0]?.filesChanged.length, 20);
  });

  it("skips what it does not understand, and learns what an agent appended", () => {
    const text = `hello\n${formatProgress(ENTRY).replace("---\n", "  - one more\nwhatever\n  - not a learning\n---\nstray\n")}`;
    assert.deepEqual(parseProgress(text), [{ ...ENTRY, learnings: [...ENTRY.learnings, "one more"] }]);
    assert.deepEqual(parseProgress(""), []);
  });

  it("cannot be forged by a name with line breaks", () => {
    const forged = {
      ...ENTRY,
      taskName: "x\n---\n## [now] - Task [t-0]: y",
      learnings: ["a\n- Status: done"],
    };
    const entries = parseProgress(formatProgress(forged));
    assert.equal(entries.length, 1);
    assert.equal(entries[0]?.status, "not ready");
  });

  it("reads back what it wrote", () => {
    const word = fc
      .stringMatching(/^[A-Za-z0-9][A-Za-z0-9 ._/:[\]-]{0,20}[A-Za-z0-9]$/)
      .map((text) => text.replace(/ +/g, " "));
    const file = fc.stringMatching(/^[a-z]{1,8}\/[a-z]{1,8}\.ts$/);
    const entry: fc.Arbitrary<ProgressEntry> = fc.record({
      at: fc.constant(ENTRY.at),
      taskId: fc.constant("t-91c2"),
      taskName: word,
      status: fc.constantFrom("done" as const, "failed" as const, "not ready" as const),
      filesChanged: fc.array(file, { maxLength: 20 }),
      learnings: fc.array(word, { maxLength: 5 }),
    });
    fc.assert(
      fc.property(
        fc.array(
          entry.map((any) => ({ ...any })),
          { maxLength: 6 },
        ),
        (entries) => {
          assert.deepEqual(parseProgress(entries.map(formatProgress).join("")), entries);
        },
      ),
    );
  });
});
