import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { outputEntrySchema } from "@makima/protocol/history";
import { createRedactor } from "../process/redact.ts";
import { claude } from "./claude/adapter.ts";
import { cutText } from "./clean.ts";
import { MOST_CONTENT_BYTES, outputEntry } from "./output-entry.ts";

const AT = Date.UTC(2026, 0, 1);

test("every event of every captured process becomes a valid entry, or none", () => {
  const folder = join(import.meta.dirname, "claude/fixtures");
  let entries = 0;
  for (const name of readdirSync(folder).filter((name) => name.endsWith(".ndjson"))) {
    const parser = claude.createParser();
    for (const line of readFileSync(join(folder, name), "utf8").split("\n")) {
      for (const event of parser.line(line)) {
        const entry = outputEntry(event, AT);
        if (!entry) continue;
        entries += 1;
        assert.ok(outputEntrySchema.safeParse(entry).success, `${name}: ${line}`);
      }
    }
  }
  assert.ok(entries > 200);
});

test("content over the bound is cut between characters, and says how much is missing", () => {
  const entry = outputEntry({ type: "raw", text: "é🙂".repeat(200_000) }, AT);
  assert.ok(entry);
  const bytes = Buffer.byteLength(entry.content);
  assert.ok(bytes > MOST_CONTENT_BYTES - 8 && bytes < MOST_CONTENT_BYTES + 60);
  assert.match(entry.content, /\n… \(\d+ bytes left out\)$/);
  assert.ok(entry.content.isWellFormed());
  assert.equal(cutText("short", 100), "short");
});

test("tool input is masked at any depth, bounded, and fit for a database", () => {
  const deep: unknown = Array.from({ length: 5000 }).reduce((inner) => [inner], "x");
  const entry = outputEntry(
    {
      type: "toolCall",
      id: "1",
      name: "Bash",
      subagent: false,
      input: {
        command: "curl -H hunter2-secret",
        nested: [{ "key hunter2-secret": "nul\0 half \ud800" }],
        long: "x".repeat(1_000_000),
        deep,
        ["__proto__"]: { polluted: true },
      },
    },
    AT,
    createRedactor(["hunter2-secret"]),
  );
  const json = JSON.stringify(entry);
  assert.ok(!json.includes("hunter2"));
  assert.ok(!json.includes("\\u0000") && !json.includes("\\ud800"));
  assert.ok(json.length < 2 * MOST_CONTENT_BYTES);
  assert.equal(Object.hasOwn({}, "polluted") || "polluted" in {}, false);
  assert.equal(entry?.content, "curl -H [redacted]");
});

test("a subagent's words are told apart from the agent's", () => {
  const own = outputEntry({ type: "text", text: "a", subagent: false }, AT);
  const other = outputEntry({ type: "text", text: "a", subagent: true }, AT);
  assert.equal(own?.toolName, undefined);
  assert.equal(other?.toolName, "subagent");
});
