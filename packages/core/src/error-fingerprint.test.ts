import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { fingerprint } from "./error-fingerprint.ts";

describe("the fingerprint of an error", () => {
  const same: [string, string, string][] = [
    ["numbers", "expected 3 to be 4", "expected 17 to be 1,204.5"],
    ["durations", "timed out after 300ms", "timed out after 12s"],
    ["paths", "cannot open /tmp/a1/x.ts:12:5", "cannot open /var/lib/b/y.ts:3:1"],
    ["Windows paths", "cannot open C:\\a\\b.ts", "cannot open D:\\long\\way\\c.ts"],
    ["times", "failed at 2026-01-22T10:00:00Z", "failed at 2027-11-02T23:59:59.123+02:00"],
    ["UUIDs", "no row 3b8f0a52-0d0e-4b11-9c4e-1d2f3a4b5c6d", "no row 00000000-aaaa-4b11-9c4e-1d2f3a4b5c6e"],
    ["commits and addresses", "at 0xdeadbeef in 7f3a9bc1d0", "at 0x1 in 0badcafe99"],
    ["short ids", "task t-91c2 failed", "task t-0aa9 failed"],
    ["colours", "\u001b[31mError\u001b[0m: no", "Error: no"],
    ["terminal links", "\u001b]8;;http://a\u0007Error\u001b]8;;\u0007 no", "Error no"],
    ["line breaks and case", "ERROR:\r\n  no", "error: no"],
  ];
  for (const [what, one, other] of same) {
    it(`is the same whatever the ${what}`, () => assert.equal(fingerprint(one), fingerprint(other)));
  }

  it("differs where the words do", () => {
    assert.notEqual(fingerprint("cannot find name foo"), fingerprint("cannot find name bar"));
    assert.notEqual(fingerprint("connection refused"), fingerprint("connection reset"));
    assert.equal(fingerprint("deadline passed in the facade"), "deadline passed in the facade");
  });

  it("takes no notice of any number", () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), (one, other) => {
        assert.equal(fingerprint(`row ${one} of ${other}`), fingerprint("row 1 of 2"));
      }),
    );
  });

  it("looks at the beginning of a huge error only", () => {
    for (const piece of ["a/", "a", "1", "\u001b[", "- ", "0x", "\\"]) {
      assert.ok(fingerprint(piece.repeat(5_000_000)).length <= 20_000);
    }
  });
});
