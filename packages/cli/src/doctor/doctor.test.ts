import assert from "node:assert/strict";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { makima, type RanMakima } from "../run/testing/makima.ts";
import { scratch } from "../run/testing/scratch-repository.ts";
import { runChecks, type CheckRow, type DoctorFacts } from "./check.ts";
import { isAtLeast, versionIn } from "./probe-program.ts";

/** A machine with nothing on its PATH but what a test puts there. */
function machine() {
  const folder = scratch("folder");
  const bin = join(folder.path, "bin");
  mkdirSync(bin);
  return {
    path: folder.path,
    put(name: string, script: string) {
      writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
      chmodSync(join(bin, name), 0o755);
    },
    async doctor(
      env: Record<string, string> = {},
      ...flags: string[]
    ): Promise<{ ran: RanMakima; row: (id: string) => CheckRow }> {
      const all = { PATH: bin, HOME: folder.path, MAKIMA_SERVER_PORT: "0", ...env };
      const ran = await makima(["doctor", "--json", ...flags], { cwd: folder.path, env: all });
      const { items } = JSON.parse(ran.stdout) as { items: CheckRow[] };
      return { ran, row: (id) => items.find((item) => item.id === id) ?? assert.fail(`no row ${id}`) };
    },
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

const GIT = 'echo "git version 2.51.0"';

test("a machine without git fails with the command that helps; a missing agent is a warning", async () => {
  using at = machine();
  const { ran, row } = await at.doctor();
  assert.equal(ran.code, 1);
  assert.equal(row("git").state, "error");
  assert.match(row("git").fix?.[0] ?? "", /install git/);
  assert.equal(row("claude").state, "warning");
  assert.match(row("claude").fix?.[0] ?? "", /npm i -g @anthropic-ai\/claude-code/);
  assert.equal(row("gh").state, "info");
});

test("an old git is an error, a good one is none, and exit 1 means a real error only", async () => {
  using at = machine();
  at.put("git", 'echo "git version 2.37.9"');
  assert.match((await at.doctor()).row("git").detail, /2\.37\.9; makima needs 2\.38/);
  at.put("git", GIT);
  const { ran, row } = await at.doctor();
  assert.deepEqual([row("git").state, row("git").detail], ["ok", "2.51.0"]);
  assert.equal(ran.code, 0, ran.stdout);
});

test("an agent is shown with its version and login, and signed out is an error", async () => {
  using at = machine();
  at.put("git", GIT);
  const status = (json: string) =>
    at.put(
      "claude",
      `case "$1" in --version) echo "2.1.198 (Claude Code)";; auth) echo '${json}';; *) exit 9;; esac`,
    );
  status('{"loggedIn":true,"email":"a@b.c","subscriptionType":"max"}');
  const signedIn = await at.doctor();
  assert.deepEqual(
    [signedIn.row("claude").state, signedIn.row("claude").detail],
    ["ok", "2.1.198 signed in (a@b.c, max)"],
  );
  const both = await at.doctor({ ANTHROPIC_API_KEY: "sk-secret" });
  assert.equal(both.row("anthropic-api-key").state, "warning");
  assert.match(both.row("anthropic-api-key").fix?.[0] ?? "", /unset ANTHROPIC_API_KEY/);
  assert.doesNotMatch(both.ran.stdout, /sk-secret/);
  status('{"loggedIn":false}');
  const out = await at.doctor();
  assert.deepEqual([out.ran.code, out.row("claude").state], [1, "error"]);
  assert.equal(out.row("claude").fix?.[0], "claude auth login");
});

test("a port that another program has is a warning that says what up does", async () => {
  using at = machine();
  at.put("git", GIT);
  const other = createServer();
  await new Promise<void>((resolve) => {
    other.listen(0, "127.0.0.1", resolve);
  });
  const { port } = other.address() as AddressInfo;
  const { row } = await at.doctor({ MAKIMA_SERVER_PORT: String(port) });
  other.close();
  assert.equal(row("port").state, "warning");
  assert.match(row("port").detail, /takes the next free one/);
});

test("key files that others may read are repaired with --fix", async () => {
  using at = machine();
  at.put("git", GIT);
  const folder = join(at.path, ".local", "state", "makima");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "local-key.json"), "{}", { mode: 0o644 });
  assert.equal((await at.doctor()).row("key-files").state, "warning");
  assert.equal((await at.doctor({}, "--fix")).row("key-files").state, "ok");
});

test("a server that is named and does not answer is an error that says where the name stands", async () => {
  using at = machine();
  at.put("git", GIT);
  const { ran, row } = await at.doctor({ MAKIMA_API_URL: "http://127.0.0.1:9" });
  assert.equal(ran.code, 1);
  assert.deepEqual(row("server").fix, ["check the address: it comes from MAKIMA_API_URL"]);
});

test("every row that warns or fails has a fix, and piped rows have no escape", async () => {
  using at = machine();
  at.put("claude", 'printf "\\033[31mbroken\\033[0m" >&2; exit 1');
  const { ran } = await at.doctor();
  for (const item of (JSON.parse(ran.stdout) as { items: CheckRow[] }).items) {
    if (item.state === "warning" || item.state === "error") assert.ok((item.fix?.length ?? 0) > 0, item.id);
  }
  const env = { PATH: join(at.path, "bin"), HOME: at.path };
  const plain = await makima(["doctor"], { cwd: at.path, env });
  assert.ok(!plain.stdout.includes("\u001b"));
  assert.match(plain.stdout, /^error\tgit\tnot found on PATH\t/m);
});

test("a probe that hangs is cut off and told of; one that throws is a row, not a crash", async () => {
  const check = { group: "Agents", title: "x" } as const;
  const rows = await runChecks(
    [
      { ...check, id: "hangs", probe: () => new Promise(() => {}) },
      { ...check, id: "throws", probe: () => Promise.reject(new Error("oh")) },
    ],
    {} as DoctorFacts,
    20,
  );
  assert.deepEqual(
    rows.map(({ state, detail }) => [state, detail]),
    [
      ["error", "did not end within 0.02 s"],
      ["error", "oh"],
    ],
  );
});

test("versions are compared by their numbers", () => {
  assert.equal(versionIn("git version 2.39.5 (Apple Git-154)"), "2.39.5");
  assert.equal(isAtLeast("2.38", "2.38"), true);
  assert.equal(isAtLeast("2.9.9", "2.38"), false);
  assert.equal(isAtLeast("24.0.1", "24"), true);
});
