import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { createRedactor, MASK } from "./redact.ts";

/** What a slow and simple one would do: every character of every occurrence is covered. */
function covered(text: string, secrets: string[]): string {
  const hidden = new Set<number>();
  for (const secret of secrets) {
    for (let at = text.indexOf(secret); at !== -1; at = text.indexOf(secret, at + 1)) {
      for (let n = 0; n < secret.length; n += 1) hidden.add(at + n);
    }
  }
  // Ranges that touch are one.
  return [...text]
    .map((character, at) => (hidden.has(at) ? (hidden.has(at - 1) ? "" : MASK) : character))
    .join("");
}

const letters = (minLength: number, maxLength: number) =>
  fc.array(fc.constantFrom("a", "b"), { minLength, maxLength }).map((all) => all.join(""));

test("however the text is cut and the secrets overlap, exactly the secrets are masked", () => {
  fc.assert(
    fc.property(
      letters(0, 80),
      fc.array(letters(6, 9), { minLength: 1, maxLength: 4 }),
      fc.array(fc.nat(80), { maxLength: 10 }),
      (text, secrets, cuts) => {
        const redactor = createRedactor(secrets);
        const stream = redactor.stream();
        const edges = [0, ...cuts.map((cut) => cut % (text.length + 1)), text.length].sort((a, b) => a - b);
        let out = "";
        for (const [at, from] of edges.entries()) out += stream.push(text.slice(from, edges[at + 1] ?? from));
        out += stream.end();
        assert.equal(out, covered(text, secrets));
        assert.equal(redactor.redact(text), covered(text, secrets));
      },
    ),
    { numRuns: 500 },
  );
});

test("text is held back only as long as it may become a secret", () => {
  const stream = createRedactor(["hunter2-secret"]).stream();
  assert.equal(stream.push("my hunt"), "my ");
  assert.equal(stream.push("ing dog"), "hunting dog");
  assert.equal(stream.push(" hunter2-sec"), " ");
  assert.equal(stream.push("ret!"), `${MASK}!`);
  assert.equal(stream.push("hunter2"), "");
  assert.equal(stream.end(), "hunter2");
});

test("short and empty values are no secrets", () => {
  assert.equal(createRedactor(["", "1", "true", "      "]).redact("1 true      "), "1 true      ");
});

test("a text made to be slow is not", () => {
  const redactor = createRedactor([`${"a".repeat(500)}b`]);
  const text = "a".repeat(1_000_000);
  const stream = redactor.stream();
  assert.equal((stream.push(text) + stream.end()).length, text.length);
});
