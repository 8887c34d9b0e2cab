import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { test } from "node:test";
import type { Report, ReportOf } from "@makima/protocol/daemon-wire";
import { pino } from "pino";
import { scratch } from "../process/testing/scratch.ts";
import { Credentials } from "./credentials.ts";
import { LoginDesk, type LoginDeskOptions } from "./login-desk.ts";

function desk(more: Partial<LoginDeskOptions> = {}) {
  const reports: Report[] = [];
  const cancelled: number[] = [];
  let begun = 0;
  const login = new LoginDesk({
    hostname: "host",
    log: pino({ level: "silent" }),
    report: (one) => void reports.push(one),
    begin: async () => {
      const n = (begun += 1);
      return {
        url: `https://login/${n}`,
        submit: async (code) => ({ ok: code === "good", message: "The code was not accepted." }),
        cancel: () => void cancelled.push(n),
      };
    },
    signedIn: async () => undefined,
    ...more,
  });
  const required = () =>
    reports.filter((one): one is ReportOf<"authRequired"> => one.type === "authRequired");
  const types = () => reports.map(({ type }) => type);
  return { login, reports, required, types, cancelled };
}

test("the person is told once, however many tasks wait for the login", async () => {
  const { login, required } = desk();
  login.required("claude", "t1");
  login.required("claude", "t2");
  await turn();
  login.required("claude", "t3");
  await turn();
  assert.deepEqual(
    required().map(({ loginUrl, taskId }) => [loginUrl, taskId]),
    [["https://login/1", "t1"]],
  );
});

test("a code that is right restores the login once, and the next expiry is told anew", async () => {
  const { login, types, required } = desk();
  login.required("claude");
  await turn();
  login.submit("claude", "good");
  await turn();
  login.worked("claude");
  assert.deepEqual(types(), ["authRequired", "authRestored"]);
  login.required("claude");
  await turn();
  assert.equal(required().at(-1)?.loginUrl, "https://login/2");
});

test("a code that is wrong is answered with why and another address", async () => {
  const { login, required, types } = desk();
  login.required("claude");
  await turn();
  login.submit("claude", "bad");
  await turn();
  assert.equal(required().at(-1)?.loginUrl, "https://login/2");
  assert.match(required().at(-1)?.message ?? "", /^The code was not accepted\. .*Open the address/);
  login.submit("claude", "good");
  await turn();
  assert.equal(types().at(-1), "authRestored");
});

test("without an address the person is sent to the host", async () => {
  const { login, required } = desk({ begin: () => Promise.reject(new Error("no terminal")) });
  login.required("claude");
  await turn();
  assert.equal(required()[0]?.loginUrl, undefined);
  assert.match(required()[0]?.message ?? "", /Sign in on that machine/);
});

test("an agent that works again wakes those who wait, and ends the login that was begun", async () => {
  const { login, types, cancelled } = desk();
  login.worked("claude");
  login.required("claude");
  await turn();
  login.worked("claude");
  assert.deepEqual(types(), ["authRequired", "authRestored"]);
  assert.deepEqual(cancelled, [1]);
});

test("a code without a login is answered with how to begin one; after closing nothing is said", async () => {
  const { login, required, types } = desk();
  login.submit("claude", "good");
  assert.match(required()[0]?.message ?? "", /No login of claude is under way/);
  login.required("claude");
  await turn();
  login.submit("claude", "bad");
  login.close();
  login.submit("claude", "x");
  await turn();
  assert.deepEqual(types(), ["authRequired", "authRequired"]);
});

test("somebody who signs in on the host is noticed", async (t) => {
  let signedIn = false;
  const { promise, resolve } = Promise.withResolvers<void>();
  const reports: Report[] = [];
  const { login } = desk({
    signedIn: async () => signedIn,
    lookMs: 1,
    report(one) {
      reports.push(one);
      if (one.type === "authRequired") signedIn = true;
      if (one.type === "authRestored") resolve();
    },
  });
  t.after(() => login.close());
  const alive = setInterval(() => undefined, 1000);
  t.after(() => clearInterval(alive));
  login.required("claude");
  await promise;
  assert.deepEqual(
    reports.map(({ type }) => type),
    ["authRequired", "authRestored"],
  );
});

test("a token is kept for its user only, and a damaged file holds none", async (t) => {
  const folder = await scratch(t);
  const { writeFileSync, statSync } = await import("node:fs");
  const credentials = new Credentials(folder);
  assert.deepEqual(credentials.environment("claude"), {});
  await credentials.keep("claude", "token-1");
  assert.deepEqual(new Credentials(folder).environment("claude"), { CLAUDE_CODE_OAUTH_TOKEN: "token-1" });
  assert.deepEqual(new Credentials(folder).environment("sim"), {});
  assert.equal(statSync(`${folder}/credentials.json`).mode & 0o777, 0o600);
  writeFileSync(`${folder}/credentials.json`, "{");
  assert.deepEqual(new Credentials(folder).environment("claude"), {});
});
