import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { configJsonSchema } from "./json-schema.ts";
import { CONFIG_KEYS } from "./keys.ts";
import { configReference } from "./reference.ts";

test("docs/config.md is what the schema says; node scripts/generate-docs.ts writes it", () => {
  const page = readFileSync(new URL("../../../../docs/config.md", import.meta.url), "utf8");
  assert.equal(page, configReference());
});

test("every key has a meaning, and stands in the JSON Schema", () => {
  const schema = JSON.stringify(configJsonSchema());
  assert.ok(CONFIG_KEYS.length > 60);
  for (const { key, about } of CONFIG_KEYS) {
    assert.notEqual(about, "", key);
    assert.ok(schema.includes(`"${key.split(".").at(-1) ?? ""}"`), key);
  }
});
