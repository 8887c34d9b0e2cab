import assert from "node:assert/strict";
import { test } from "node:test";
import { storable, toJson } from "./json.ts";

test("NUL and halves of characters become something that the database stores", () => {
  assert.equal(storable("a\0b\ud83d"), "a\u2400b\ufffd");
  assert.equal(
    toJson({ "k\0": ["x\ud800", { deep: "\0" }] }),
    JSON.stringify({ "k\u2400": ["x\ufffd", { deep: "\u2400" }] }),
  );
});

test("what is harmless is left as it is, also what only looks like an escape", () => {
  const value = { text: "\\u0000 and \\ud800", smile: "😀", at: new Date(0), none: null, n: 1 };
  assert.deepEqual(JSON.parse(toJson(value)), { ...value, at: "1970-01-01T00:00:00.000Z" });
  assert.equal(toJson(undefined), "null");
});
