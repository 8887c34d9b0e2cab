import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { detectCommands } from "./detect-commands.ts";

async function found(files: Record<string, string>) {
  const root = await mkdtemp(join(tmpdir(), "makima-detect-"));
  try {
    for (const [name, text] of Object.entries(files)) await writeFile(join(root, name), text);
    return await detectCommands(root);
  } finally {
    await rm(root, { recursive: true });
  }
}

test("a package.json gives its scripts, run by the package manager of its lockfile", async () => {
  const scripts = JSON.stringify({ scripts: { test: "node --test", lint: "eslint .", types: "tsc" } });
  assert.deepEqual(await found({ "package.json": scripts }), {
    tests: "npm test",
    lint: "npm run lint",
    typecheck: "npm run types",
  });
  assert.equal((await found({ "package.json": scripts, "pnpm-lock.yaml": "" })).tests, "pnpm test");
});

test("npm's placeholder for a missing test is no test", async () => {
  const scripts = JSON.stringify({ scripts: { test: 'echo "Error: no test specified" && exit 1' } });
  assert.deepEqual(await found({ "package.json": scripts }), {});
});

test("a package.json that does not parse gives nothing and breaks nothing", async () => {
  assert.deepEqual(await found({ "package.json": "{", Makefile: "test:\n\ttrue\n" }), { tests: "make test" });
});

test("cargo, go, pytest and maven are found by their files", async () => {
  assert.equal((await found({ "Cargo.toml": "" })).tests, "cargo test");
  assert.equal((await found({ "go.mod": "" })).tests, "go test ./...");
  assert.equal((await found({ "pytest.ini": "" })).tests, "python3 -m pytest");
  assert.equal((await found({ "pom.xml": "" })).tests, "mvn -q test");
});

test("an empty folder has no commands", async () => {
  assert.deepEqual(await found({}), {});
});

test("a make variable called test is not a target", async () => {
  assert.deepEqual(await found({ Makefile: "test := 1\n" }), {});
});
