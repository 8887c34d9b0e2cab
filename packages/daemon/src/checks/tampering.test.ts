import assert from "node:assert/strict";
import { test } from "node:test";
import { isTestFile, tamperingIn } from "./tampering.ts";

function patch(path: string, body: string, header = ""): string {
  return `diff --git a/${path} b/${path}\n${header}--- a/${path}\n+++ b/${path}\n@@ -1 +1 @@\n${body}\n`;
}

test("test files are known by the habits of many languages", () => {
  const yes = [
    "test/a.js",
    "src/a.test.ts",
    "src/a_test.go",
    "tests/test_a.py",
    "src/__tests__/x.jsx",
    "ATest.java",
  ];
  const no = ["src/a.ts", "src/latest.ts", "contest/a.py", "README.md"];
  assert.deepEqual(
    yes.filter((path) => !isTestFile(path)),
    [],
  );
  assert.deepEqual(
    no.filter((path) => isTestFile(path)),
    [],
  );
});

test("a deleted test file is named, with the tests that went", () => {
  const text = patch(
    "test/a.test.js",
    '-test("one", () => {});\n-test("two", () => {});',
    "deleted file mode 100644\n",
  );
  assert.deepEqual(tamperingIn(text), ["deleted test/a.test.js", "2 tests fewer than at the base commit"]);
});

test("a test that was turned into a skipped one is named", () => {
  const text = patch("a.test.ts", '-it("adds", () => {});\n+it.skip("adds", () => {});');
  assert.deepEqual(tamperingIn(text), [
    "1 test skipped in a.test.ts",
    "1 test fewer than at the base commit",
  ]);
});

test("a test that moves to another file is no loss", () => {
  const text = patch("a.test.ts", '-it("adds", () => {});') + patch("b.test.ts", '+it("adds", () => {});');
  assert.deepEqual(tamperingIn(text), []);
});

test("what happens in files that hold no tests is not looked at", () => {
  assert.deepEqual(tamperingIn(patch("src/run.ts", '-test("x")\n+it.skip("x")')), []);
});
