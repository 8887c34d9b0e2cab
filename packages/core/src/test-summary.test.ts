import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { testSummary } from "./test-summary.ts";

describe("the counts in a test runner's output", () => {
  const outputs: [string, string, [passed: number, failed: number, skipped: number]][] = [
    [
      "node:test (tap)",
      "# tests 6\n# suites 1\n# pass 3\n# fail 1\n# cancelled 1\n# skipped 1\n# todo 0\n",
      [3, 2, 1],
    ],
    [
      "node:test (spec)",
      "✔ a (1ms)\nℹ tests 2\nℹ suites 0\nℹ pass 2\nℹ fail 0\nℹ skipped 0\nℹ todo 0\n",
      [2, 0, 0],
    ],
    [
      "jest",
      "Test Suites: 1 failed, 1 total\nTests:       1 failed, 1 skipped, 2 passed, 4 total\n",
      [2, 1, 1],
    ],
    [
      "vitest",
      " Test Files  1 failed | 1 passed (2)\n      Tests  1 failed | 5 passed | 2 skipped (8)\n",
      [5, 1, 2],
    ],
    ["vitest, coloured", "\u001b[2m      Tests \u001b[22m \u001b[32m5 passed\u001b[39m (5)\n", [5, 0, 0]],
    ["pytest", "a.py ..F\n=== 1 failed, 2 passed, 1 skipped, 3 warnings in 0.12s ===\n", [2, 1, 1]],
    ["pytest -q", "..\n2 passed in 0.01s\n", [2, 0, 0]],
    ["pytest with errors", "===== 1 passed, 2 errors in 1.20s =====\n", [1, 2, 0]],
    ["pytest without tests", "====== no tests ran in 0.01s ======\n", [0, 0, 0]],
    [
      "cargo",
      "test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n" +
        "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n",
      [6, 2, 1],
    ],
    [
      "go -v",
      "=== RUN   TestA\n--- PASS: TestA (0.00s)\n--- FAIL: TestB (0.00s)\n--- SKIP: TestC (0.00s)\nFAIL\n",
      [1, 1, 1],
    ],
    [
      "go",
      "ok  \texample.com/a\t0.01s\nok  \texample.com/b\t(cached)\nFAIL\texample.com/c\t0.02s\nFAIL\n",
      [2, 1, 0],
    ],
    [
      "maven",
      "[INFO] Tests run: 3, Failures: 0, Errors: 0, Skipped: 0, Time elapsed: 0.1 s - in A\n" +
        "[ERROR] Tests run: 5, Failures: 1, Errors: 1, Skipped: 1\n",
      [2, 2, 1],
    ],
    ["gradle", "> Task :test FAILED\n\n5 tests completed, 1 failed, 1 skipped\n", [3, 1, 1]],
    ["mocha", "\n  5 passing (12ms)\n  1 pending\n  2 failing\n", [5, 2, 1]],
    ["rspec", "Finished in 0.1 seconds\n5 examples, 1 failure, 1 pending\n", [3, 1, 1]],
  ];
  for (const [runner, output, [passed, failed, skipped]] of outputs) {
    it(`are read for ${runner}`, () => {
      assert.deepEqual(testSummary(output), { passed, failed, skipped });
      assert.deepEqual(testSummary(`noise\n${output.replaceAll("\n", "\r\n")}`), { passed, failed, skipped });
    });
  }

  it("are none where no runner spoke", () => {
    for (const output of ["", "all good", "3 passed the exam", "ok then", "Tests: none"]) {
      assert.equal(testSummary(output), undefined, output);
    }
  });

  it("are whole numbers of zero or more, for any text", () => {
    const line = fc.oneof(fc.string(), fc.constantFrom(...outputs.map(([, output]) => output)));
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const summary = testSummary(lines.join("\n"));
        if (!summary) return;
        for (const count of Object.values(summary)) assert.ok(Number.isInteger(count) && count >= 0);
      }),
    );
  });

  it("are looked for in linear time", { timeout: 30_000 }, () => {
    for (const piece of ["1 ", "=", "Tests: 1 a", "\n", "1 passed, ", "ok a", " ", "\u001b["]) {
      testSummary(piece.repeat(Math.floor(10_000_000 / piece.length)));
    }
  });
});
