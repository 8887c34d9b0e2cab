import assert from "node:assert/strict";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { scratch, writeProgram } from "../process/testing/scratch.ts";
import { startLogin, type Login, type LoginOptions, type LoginStart } from "./login.ts";
import { loginToken, loginUrl } from "./login-screen.ts";

const URL = `https://claude.com/cai/oauth/authorize?code=true&client_id=${"9d1c".repeat(30)}&state=xyz`;

async function begin(t: TestContext, source: string, more: Partial<LoginOptions> = {}): Promise<LoginStart> {
  const cwd = await scratch(t);
  const claudeCommand = await writeProgram(join(cwd, "it's claude"), source);
  const env = { PATH: process.env["PATH"] ?? "" };
  const start = await startLogin({ claudeCommand, env, cwd, ...more });
  if (start.ok) t.after(start.login.cancel);
  return start;
}

async function opened(t: TestContext, source: string, more: Partial<LoginOptions> = {}): Promise<Login> {
  const start = await begin(t, source, more);
  assert.ok(start.ok, start.ok ? "" : start.message);
  return start.login;
}

const ASKS = `
if (!process.stdout.isTTY || process.argv[2] !== "setup-token") setInterval(() => {}, 1e6);
else {
  process.stdin.setRawMode(true);
  process.stdout.write("\\x1b[2J\\x1b[1mBrowser didn't open? Use the url below to sign in\\x1b[0m\\r\\n\\r\\n");
  const url = ${JSON.stringify(URL)};
  for (let at = 0; at < url.length; at += 60) process.stdout.write(url.slice(at, at + 60) + "\\r\\n");
  process.stdout.write("\\r\\nPaste code here if prompted > ");
  let code = "";
  process.stdin.on("data", (chunk) => {
    code += chunk;
    if (!code.endsWith("\\r")) return;
    if (code.trim() !== "good-code#state") { process.stdout.write("\\r\\nInvalid code\\r\\n"); process.exit(1); }
    process.stdout.write("\\r\\n\\x1b[32mYour OAuth token (valid for 1 year):\\x1b[0m\\r\\n\\r\\nsk-ant-oat01-abc_DEF-123\\r\\n\\r\\nStore this token securely.\\r\\n");
    process.exit(0);
  });
}`;

test("the address comes whole though the terminal breaks it, and the code brings the token", async (t) => {
  const login = await opened(t, ASKS);
  assert.equal(login.url, URL);
  assert.deepEqual(await login.submit(" good-code#state\n"), { ok: true, token: "sk-ant-oat01-abc_DEF-123" });
});

test("a wrong code is told, and what is no code is not typed", async (t) => {
  const login = await opened(t, ASKS);
  assert.equal((await login.submit("\u001b[A rm")).ok, false);
  const result = await login.submit("wrong-code");
  assert.ok(!result.ok);
  assert.match(result.message, /not accepted: Invalid code/);
});

test("an agent that gives no address is told, with what the person can do", async (t) => {
  const stuck = await begin(t, `setInterval(() => {}, 1e6);`, { urlMs: 300 });
  assert.deepEqual([stuck.ok, !stuck.ok && stuck.reason], [false, "no_url"]);
  const broken = await begin(t, `console.log("no network"); process.exit(1);`);
  assert.ok(!broken.ok);
  assert.match(broken.message, /said: no network.*claude \/login/s);
  const missing = await begin(t, "", { claudeCommand: "no-claude" });
  assert.deepEqual([missing.ok, !missing.ok && missing.reason], [false, "agent_missing"]);
  const bare = await begin(t, "", { env: { PATH: "/nowhere" } });
  assert.deepEqual([bare.ok, !bare.ok && bare.reason], [false, "no_terminal"]);
});

test("an agent that does not answer to the code is not waited for", async (t) => {
  const silent = ASKS.replace("code += chunk;", "return;");
  const login = await opened(t, silent, { submitMs: 200 });
  const result = await login.submit("good-code#state");
  assert.ok(!result.ok);
  assert.match(result.message, /did not answer/);
});

test("an address is taken only when its end is seen, and only if it is one of the web", () => {
  assert.equal(loginUrl("Open https://claude.ai/oauth/authorize?a=1\r\nmore=2"), undefined);
  assert.equal(
    loginUrl("https://claude.ai/oauth/authorize?a=1\r\n&b=2\r\n\r\n"),
    "https://claude.ai/oauth/authorize?a=1&b=2",
  );
  assert.equal(loginUrl("Visit https://claude.ai/oauth/x now"), "https://claude.ai/oauth/x");
  assert.equal(loginUrl("https://user@evil/oauth/x \n\n"), undefined);
  assert.equal(loginToken("token:\nsk-ant-oat01-aaaa\nbbbbbbbbbb\n\nStore"), "sk-ant-oat01-aaaabbbbbbbbbb");
});
