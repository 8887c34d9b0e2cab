import assert from "node:assert/strict";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { scratch, writeProgram } from "../process/testing/scratch.ts";
import { keyNotice, refuseAsRoot } from "./claude/preflight.ts";
import { discoverClaude } from "./discover.ts";

async function found(t: TestContext, source: string, timeoutMs?: number) {
  const cwd = await scratch(t);
  const claudeCommand = await writeProgram(join(cwd, "claude"), source);
  const env = { PATH: cwd };
  return discoverClaude({ claudeCommand, env, cwd, ...(timeoutMs === undefined ? {} : { timeoutMs }) });
}

const VERSION = `if (process.argv[2] === "--version") console.log("2.1.329 (Claude Code)");`;

test("an agent that is there and signed in is found with version and account", async (t) => {
  const agent = await found(
    t,
    `${VERSION} else console.log(JSON.stringify({ loggedIn: true, email: "a@b.c" }));`,
  );
  const { path, ...rest } = agent;
  assert.ok(path?.endsWith("/claude"));
  assert.deepEqual(rest, {
    name: "claude",
    version: "2.1.329",
    available: true,
    signedIn: true,
    account: "a@b.c",
  });
});

test("one that is not signed in is available, and the way to sign in is said", async (t) => {
  const agent = await found(t, `${VERSION} else { console.log('{"loggedIn": false}'); process.exit(1); }`);
  assert.deepEqual([agent.available, agent.signedIn], [true, false]);
  assert.match(agent.problem ?? "", /claude \/login/);
});

test("one that does not tell whether it is signed in is taken as it is", async (t) => {
  const agent = await found(t, `${VERSION} else console.log("what?");`);
  assert.deepEqual([agent.available, agent.signedIn, agent.problem], [true, undefined, undefined]);
});

test("one that is missing, broken or stuck says so", async (t) => {
  const cwd = await scratch(t);
  const missing = await discoverClaude({ claudeCommand: "claude", env: { PATH: cwd }, cwd });
  assert.deepEqual([missing.available, missing.path], [false, undefined]);
  assert.match(missing.problem ?? "", /was not found\. Install it/);
  const broken = await found(
    t,
    `console.error("Error: claude native binary not installed."); process.exit(1);`,
  );
  assert.match(broken.problem ?? "", /native binary not installed/);
  const stuck = await found(t, `setInterval(() => {}, 1e6);`, 200);
  assert.match(stuck.problem ?? "", /did not end within 0.2 s/);
});

test("root without a sandbox is refused before the start, with the ways out", () => {
  const facts = { uid: 0, enablePermissions: false, env: {} };
  assert.match(refuseAsRoot(facts)?.message ?? "", /bubblewrap.*another user/);
  assert.equal(refuseAsRoot({ ...facts, uid: 1000 }), undefined);
  assert.equal(refuseAsRoot({ ...facts, enablePermissions: true }), undefined);
  assert.equal(refuseAsRoot({ ...facts, env: { IS_SANDBOX: "1" } }), undefined);
});

test("a key that overrides the login is said", () => {
  assert.equal(keyNotice({}), undefined);
  assert.match(keyNotice({ ANTHROPIC_API_KEY: "k" }) ?? "", /instead of the login/);
});
