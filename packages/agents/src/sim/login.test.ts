import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { test } from "node:test";
import type { ReadStream, WriteStream } from "node:tty";
import { setupToken } from "./login.ts";
import { COMPILE_CACHE, converse, Place } from "./testing/drive.ts";
import { simulatedAgent } from "./where.ts";

const COMMAND = `'${process.execPath}' '${simulatedAgent().main}'`;

/** util-linux's `script`, which gives its child a terminal. */
const TERMINAL = "script";

/** Runs `setup-token` on a pseudo-terminal and types each code when it is asked for; gives all it printed. */
async function setupOnTerminal(home: string, codes: readonly string[], columns = 60) {
  const child = spawn(TERMINAL, ["-qec", `stty cols ${columns}; ${COMMAND} setup-token`, "/dev/null"], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, ...COMPILE_CACHE, MAKIMA_SIM_HOME: home },
  });
  const { promise, resolve } = Promise.withResolvers<number | null>();
  child.once("close", resolve);
  let printed = "";
  let typed = 0;
  child.stdout.on("data", (chunk) => {
    printed += String(chunk);
    if (printed.split("Paste code here if prompted >").length - 1 <= typed) return;
    child.stdin.write(`${codes[typed]}\r`);
    typed += 1;
  });
  return { code: await promise, printed };
}

function authStatus(home: string) {
  const env = { ...process.env, ...COMPILE_CACHE, MAKIMA_SIM_HOME: home };
  const { stdout, status } = spawnSync(process.execPath, [simulatedAgent().main, "auth", "status"], { env });
  return { ...JSON.parse(String(stdout)), status };
}

test("setup-token prints an address over several lines, takes the code, and prints a token", async () => {
  using place = new Place();
  const { code, printed } = await setupOnTerminal(place.home, ["wrong#code", "good#code"]);
  assert.equal(code, 0);
  assert.match(printed, /Browser didn't open\? Use the url below to sign in/);
  const address =
    /https:\/\/claude\.com\/cai\/oauth\/authorize\?[^ ]*?(?=\r\n\r\n)/s.exec(printed)?.[0] ?? "";
  assert.ok(address.split("\r\n").every((row) => row.length <= 60));
  assert.equal(new URL(address.replaceAll("\r\n", "")).searchParams.get("code"), "true");
  assert.match(printed, /OAuth error: Invalid code/);
  assert.match(printed, /sk-ant-oat01-simulated-[\w-]+/);
});

test("an expired login fails until setup-token has run, and auth status tells both", async () => {
  using place = new Place();
  const id = "9df2e274-a311-42ac-824b-347e20146798";
  const script = "auth-expired";
  const first = await converse(place, { script, speed: 10_000, more: ["--session-id", id] }, "go");
  assert.equal(first.code, 1);
  assert.ok(first.lines.some((line) => line["error"] === "authentication_failed" && line["attempt"] === 1));
  const { loggedIn, status } = authStatus(place.home);
  assert.deepEqual({ loggedIn, status }, { loggedIn: false, status: 0 });
  const second = await converse(place, { script, speed: 10_000, more: ["--resume", id] }, "go");
  assert.equal(second.last?.["api_error_status"], 401);
  await setupOnTerminal(place.home, ["good#code"]);
  assert.equal(authStatus(place.home).loggedIn, true);
  const third = await converse(place, { script, more: ["--resume", id] }, "go");
  assert.equal(third.code, 0);
  assert.match(place.read("sim-after-login.md"), /after the login/);
});

test("setup-token without a terminal says nothing and does not end", async (t) => {
  using place = new Place();
  t.mock.timers.enable({ apis: ["setInterval"] });
  const printed: string[] = [];
  const input = { isTTY: false } as unknown as ReadStream;
  const output = { isTTY: false, write: (text: string) => printed.push(text) } as unknown as WriteStream;
  let ended = false;
  void setupToken(place.home, input, output).then(() => (ended = true));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual({ printed, ended }, { printed: [], ended: false });
});
