import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { isDeeperThan } from "./json-body.ts";

function depthOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

test("the depth of JSON text is that of the value, whatever its strings hold", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
      const text = JSON.stringify(value);
      const depth = depthOf(value);
      assert.equal(isDeeperThan(text, depth), false);
      if (depth > 0) assert.equal(isDeeperThan(text, depth - 1), true);
    }),
  );
});

test("brackets and quotes inside strings do not count", () => {
  assert.equal(isDeeperThan(JSON.stringify(["[[[[{{{{", '\\"[[[[', "\\\\"]), 1), false);
});

test("ten thousand levels are found without parsing them", () => {
  assert.equal(isDeeperThan("[".repeat(10_000), 64), true);
});
