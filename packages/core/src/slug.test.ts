import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { branchName, isBranchName, slug } from "./slug.ts";

const HOSTILE = [
  "",
  "-rf /",
  "--upload-pack=evil",
  "../../etc/passwd",
  "a..b",
  "x.lock",
  "@{-1}",
  "@",
  "HEAD",
  "a b\tc\nd",
  "name\u0000\u001b[31m",
  "~^:?*[\\",
  "日本語",
  "\u202Egnp.exe",
  "/",
  "//a//",
  ".hidden",
  "a".repeat(5000),
  "\ud800",
];

/** What git lets through and makima does not: another name of HEAD, and half a character. */
const OURS = new Set(["@", "\ud800"]);

describe("a slug", () => {
  it("keeps what can be read of a name", () => {
    assert.equal(slug("Add rate limiting to /login!"), "add-rate-limiting-to-login");
    assert.equal(slug("Größe: Äpfel & Ströme"), "grosse-apfel-strome");
    assert.equal(slug("日本語"), "task");
    assert.equal(
      slug("one two three four five six seven eight nine"),
      "one-two-three-four-five-six-seven-eight",
    );
  });

  it("is lower-case letters, digits and single hyphens, for any name", () => {
    const name = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom(...HOSTILE));
    fc.assert(
      fc.property(name, fc.integer({ min: 4, max: 60 }), (text, max) => {
        const found = slug(text, max);
        assert.match(found, /^[a-z0-9]+(?:-[a-z0-9]+)*$/);
        assert.ok(found.length <= max);
        assert.equal(slug(found, max), found);
      }),
    );
  });
});

describe("a branch name", () => {
  it("is made of contract, task and short id", () => {
    assert.equal(
      branchName("checkout-v2", "Retry payments", "t-91c2"),
      "makima/checkout-v2/retry-payments-t-91c2",
    );
    assert.equal(branchName("", "", ""), "makima/contract/task-id");
  });

  it("is one that git takes, for hostile names too", () => {
    for (const name of HOSTILE) {
      const branch = branchName(name, name, name);
      assert.ok(isBranchName(branch));
      assert.equal(spawnSync("git", ["check-ref-format", "--branch", branch]).status, 0, branch);
    }
  });

  it("from outside is refused wherever git would refuse it", () => {
    const names = [
      ...HOSTILE,
      "main",
      "feature/x",
      "a/b.lock/c",
      "a/.b",
      "a.",
      "a/",
      "a@{b",
      "a\u007f",
      "ok-1_2",
      "a@b",
      "é",
    ];
    for (const name of names) {
      if (name.includes("\u0000") || name.startsWith("@{-")) {
        assert.equal(isBranchName(name), false);
        continue;
      }
      const git = spawnSync("git", ["check-ref-format", "--branch", name]).status === 0;
      if (isBranchName(name)) assert.ok(git, name);
      else assert.ok(!git || OURS.has(name) || name.length > 200, name);
    }
  });
});
