import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { findRepository } from "../run/repository.ts";
import { scratch } from "../run/testing/scratch-repository.ts";
import { prepareDemo } from "./prepare.ts";

const NOW = new Date("2026-11-20T14:00:00.000Z");
const LATER = new Date(Date.now() + 3_600_000);

test("the demo's repository has one commit by an identity of its own, and nothing uncommitted", async () => {
  using home = scratch("folder");
  const { path } = await prepareDemo(home.path, { keep: false, now: NOW });
  assert.equal(path, join(home.path, "demo-20261120T140000"));
  const { baseBranch, uncommitted } = await findRepository(path, { merges: true });
  assert.deepEqual({ baseBranch, uncommitted }, { baseBranch: "main", uncommitted: 0 });
  const author = execFileSync("git", ["-C", path, "log", "--format=%an <%ae>"], { encoding: "utf8" });
  assert.equal(author, "makima demo <demo@makima.invalid>\n");
});

test("two demos in the same second have a folder each", async () => {
  using home = scratch("folder");
  const [one, two] = await Promise.all([
    prepareDemo(home.path, { keep: false, now: NOW }),
    prepareDemo(home.path, { keep: false, now: NOW }),
  ]);
  assert.notEqual(one.path, two.path);
});

test("a later demo removes the ones before it, but none that was kept or that is still fresh", async () => {
  using home = scratch("folder");
  const passing = await prepareDemo(home.path, { keep: false, now: NOW });
  const kept = await prepareDemo(home.path, { keep: true, now: NOW });
  const soon = await prepareDemo(home.path, { keep: false, now: new Date() });
  assert.equal(soon.removed, 0);
  const later = await prepareDemo(home.path, { keep: false, now: LATER });
  assert.equal(later.removed, 2);
  assert.ok(!existsSync(passing.path));
  assert.ok(existsSync(kept.path));
  assert.equal(readdirSync(home.path).length, 2);
});
