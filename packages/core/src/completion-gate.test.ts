import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { findGate, type Gate } from "./completion-gate.ts";

const block = (body: string): string => `<COMPLETION_GATE>\n${body}\n</COMPLETION_GATE>`;
const gate = (body: string): Gate | undefined => findGate(block(body));

describe("a completion gate", () => {
  it("is read from key: value lines, quotes dropped and keys in any case", () => {
    assert.deepEqual(gate(`Ready: Yes\nREASON: "all: done"\nprogress: 'x'\nblockers: []\nconfidence: 0.9`), {
      ready: true,
      reason: "all: done",
      progress: "x",
      blockers: [],
      confidence: 0.9,
      extra: {},
    });
  });

  it("is read from JSON, in a code fence too", () => {
    const expected = { ready: true, reason: "r", blockers: ["a", "b"], extra: { tests: { passed: 3 } } };
    const json = JSON.stringify({ ready: true, reason: "r", blockers: ["a", "b"], tests: { passed: 3 } });
    assert.deepEqual(gate(json), expected);
    assert.deepEqual(gate(`\`\`\`json\n${json}\n\`\`\``), expected);
  });

  it("is read as lines where its JSON does not parse", () => {
    const broken = `{\n  "ready": true,\n  "reason": "trailing comma",\n  "blockers": ["a",\n    "b"],\n}`;
    assert.deepEqual(gate(broken), {
      ready: true,
      reason: "trailing comma",
      blockers: ["a", "b"],
      extra: {},
    });
  });

  it("takes blockers as an array, an indented list or one string", () => {
    assert.deepEqual(gate('blockers: ["a", "b: c"]')?.blockers, ["a", "b: c"]);
    assert.deepEqual(gate("blockers:\n  - a\n  - b: c\nready: no")?.blockers, ["a", "b: c"]);
    assert.deepEqual(gate("blockers: the network is down")?.blockers, ["the network is down"]);
    assert.deepEqual(gate("blockers: [\n  'a'\n]")?.blockers, ["["]);
    assert.deepEqual(gate('blockers: [\n  "a"\n]')?.blockers, ["a"]);
    assert.deepEqual(gate("ready: true\nblockers: none")?.blockers, []);
  });

  it("is ready for true, yes and 1 in any case, and for nothing else", () => {
    for (const yes of ["true", "TRUE", "Yes", "1", '"true"', "'yes'"]) {
      assert.equal(gate(`ready: ${yes}`)?.ready, true, yes);
    }
    for (const no of ["false", "no", "0", "2", "truely", "maybe", "", "true?", "[true]", "ready"]) {
      assert.equal(gate(`ready: ${no}`)?.ready, false, no);
    }
    assert.equal(gate('{"ready": 1}')?.ready, true);
    assert.equal(gate('{"ready": {"a": true}}')?.ready, false);
  });

  it("without ready is not ready, and lines without a colon are ignored", () => {
    assert.deepEqual(gate("so far so good\nprogress: half"), {
      ready: false,
      progress: "half",
      blockers: [],
      extra: {},
    });
  });

  it("keeps keys it does not know, parsed where they are JSON", () => {
    const found = gate(
      'ready: true\nfilesTouched: 3\nnotes: plain text\nflags: {"a": [1]}\nsteps:\n  - one\n  - two',
    );
    assert.deepEqual(found?.extra, {
      filesTouched: 3,
      notes: "plain text",
      flags: { a: [1] },
      steps: ["one", "two"],
    });
  });

  it("leaves a confidence that is no share of one in extra", () => {
    assert.deepEqual(gate("confidence: 85")?.extra, { confidence: 85 });
    assert.equal(gate("confidence: high")?.confidence, undefined);
    assert.equal(gate('{"confidence": "0.5"}')?.confidence, 0.5);
  });

  it("understands milestones and learnings", () => {
    const found = gate('milestones: ["parser done"]\nlearnings:\n  - the schema is generated');
    assert.deepEqual(found?.milestones, ["parser done"]);
    assert.deepEqual(found?.learnings, ["the schema is generated"]);
  });

  it("counts the last well-formed block", () => {
    assert.equal(findGate(`${block("ready: true")} then ${block("ready: false")}`)?.ready, false);
    assert.equal(findGate(`${block("ready: true")} then ${block("nothing to see")}`)?.ready, true);
    assert.equal(findGate(`${block("ready: false")} then <COMPLETION_GATE>\nready: true`)?.ready, false);
  });

  it("is none where it is unclosed, empty or never opened", () => {
    for (const text of [
      "",
      "ready: true",
      "<COMPLETION_GATE>\nready: true",
      "ready: true\n</COMPLETION_GATE>",
    ]) {
      assert.equal(findGate(text), undefined);
    }
    assert.equal(gate(""), undefined);
    assert.equal(gate("[1, 2]"), undefined);
  });

  it("of nested blocks is the innermost, and a tag in prose does no harm", () => {
    assert.equal(findGate(`I will end with <COMPLETION_GATE>. Here: ${block("ready: true")}`)?.ready, true);
    assert.equal(
      findGate(`<COMPLETION_GATE>\nready: true\n${block("ready: false")}\n</COMPLETION_GATE>`)?.ready,
      false,
    );
  });

  it("reads CRLF, lone CR and lower-case tags", () => {
    const crlf = "<completion_gate>\r\nready: true\r\nblockers:\r\n  - a\r\n</completion_gate>";
    assert.deepEqual(findGate(crlf), { ready: true, blockers: ["a"], extra: {} });
    assert.equal(findGate(crlf.replaceAll("\r\n", "\r"))?.ready, true);
  });

  it("cannot change anybody's prototype", () => {
    const found = gate('{"ready": true, "__proto__": {"admin": true}, "constructor": 1}');
    assert.ok(found && !("admin" in found.extra));
    assert.deepEqual(Object.keys(found.extra), ["constructor"]);
  });

  it("survives nesting deeper than the stack", () => {
    const deep = "[".repeat(200_000) + "]".repeat(200_000);
    assert.deepEqual(gate(`ready: true\nreason: ${deep}`)?.ready, true);
  });
});

describe("a completion gate, for any text", () => {
  const word = fc
    .stringMatching(/^[A-Za-z][A-Za-z0-9 ,.:()-]{0,30}[A-Za-z0-9)]$/)
    .filter((text) => !["none", "null", "true", "false", "nothing", "n/a"].includes(text.toLowerCase()));
  const anyGate = fc.record(
    {
      ready: fc.boolean(),
      reason: word,
      progress: word,
      blockers: fc.array(word, { maxLength: 4 }),
      confidence: fc.integer({ min: 0, max: 100 }).map((percent) => percent / 100),
      milestones: fc.array(word, { minLength: 1, maxLength: 3 }),
      learnings: fc.array(word, { minLength: 1, maxLength: 3 }),
    },
    { requiredKeys: ["ready", "blockers"] },
  );
  type Said = Omit<Gate, "extra">;
  const entries = (said: Said): [string, unknown][] => Object.entries(said);
  const forms: Record<string, (said: Said) => string> = {
    json: (said) => JSON.stringify(said),
    prettyJson: (said) => JSON.stringify(said, undefined, 2),
    brokenJson: (said) => JSON.stringify(said, undefined, 2).replace(/\n}$/, ",\n}"),
    lines: (said) =>
      entries(said)
        .map(([key, value]) => `${key}: ${JSON.stringify(value)}`)
        .join("\n"),
    bareLines: (said) =>
      entries(said)
        .map(
          ([key, value]) =>
            `${key.toUpperCase()}: ${typeof value === "string" ? value : JSON.stringify(value)}`,
        )
        .join("\r\n"),
    lists: (said) =>
      entries(said)
        .map(([key, value]) =>
          Array.isArray(value)
            ? [`${key}:`, ...value.map((item) => `  - "${item}"`)].join("\n")
            : `${key}: "${String(value)}"`,
        )
        .join("\n"),
  };

  for (const [name, write] of Object.entries(forms)) {
    it(`reads back what was written as ${name}`, () => {
      fc.assert(
        fc.property(anyGate, fc.string(), (said, before) => {
          assert.deepEqual(findGate(`${before}\n${block(write(said))}`), { ...said, extra: {} });
        }),
      );
    });
  }

  it("never throws", () => {
    const piece = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom(
        "<COMPLETION_GATE>",
        "</COMPLETION_GATE>",
        "ready: true",
        "\n",
        "{",
        "}",
        "[",
        '"',
        ":",
        "- ",
      ),
      fc.json(),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const found = findGate(pieces.join(""));
        if (found) assert.equal(typeof found.ready, "boolean");
      }),
      { numRuns: 500 },
    );
  });

  // Ten megabytes each; a quadratic step anywhere would take hours, and the runner would give up on it.
  it("takes linear time for ten hostile megabytes", { timeout: 60_000 }, () => {
    const mb = 10_000_000;
    const fill = (piece: string): string => piece.repeat(Math.floor(mb / piece.length));
    for (const piece of [
      "<COMPLETION_GATE>",
      "<COMPLETION_GATE>x</COMPLETION_GATE>",
      "</COMPLETION_GATE>",
      "<",
    ]) {
      assert.equal(findGate(fill(piece)), undefined, piece);
    }
    for (const piece of ["a: [\n", '"a": [\n', "a: [\n]x\n", " ", "-", "`", "a:\n - b\n", "\r", ":", '"']) {
      const found = findGate(`${block(`ready: true\n${fill(piece)}`)}`);
      assert.equal(found?.ready, true, piece);
    }
  });
});
