import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { estimateTokens } from "./token-estimate.ts";

describe("the estimate of tokens", () => {
  it("is a quarter of the characters of English, and more for other scripts", () => {
    assert.equal(estimateTokens(""), 0);
    assert.equal(estimateTokens("word".repeat(100)), 100);
    assert.equal(estimateTokens("日本語字"), 3);
  });

  it("never falls when text is added", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (one, more) => {
        assert.ok(estimateTokens(one + more) >= estimateTokens(one));
      }),
    );
  });
});
