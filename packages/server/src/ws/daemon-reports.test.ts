import assert from "node:assert/strict";
import { test } from "node:test";
import type { Report } from "@makima/protocol/daemon-wire";
import { ReportLine, type ReportLineOptions } from "./daemon-reports.ts";

const report: Report = { type: "authRestored", agent: "claude" };

function line(apply: ReportLineOptions["apply"]) {
  const said: string[] = [];
  const done = Promise.withResolvers<unknown>();
  const reports = new ReportLine({
    apply,
    stored: (upTo) => said.push(`stored ${upTo}`),
    hold: (on) => said.push(on ? "hold" : "go on"),
    failed: (error) => done.resolve(error),
  });
  return { reports, said, failed: done.promise };
}

test("batches are applied one at a time, in order, and what waits goes together", async () => {
  const applied: [number, number][] = [];
  let running = 0;
  const last = Promise.withResolvers<void>();
  const { reports, said } = line(async (first, items) => {
    running += 1;
    assert.equal(running, 1);
    await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
    applied.push([first, items.length]);
    if (first + items.length - 1 === 6) last.resolve();
    return first + items.length - 1;
  });
  reports.take(1, [report, report], 10);
  reports.take(3, [report], 10);
  reports.take(4, [report, report, report], 10);
  await last.promise;
  await reports.close();
  assert.deepEqual(applied, [
    [1, 2],
    [3, 4],
  ]);
  assert.deepEqual(said, ["stored 2", "stored 6"]);
});

test("the socket is held while too many bytes wait, and read again when they are stored", async () => {
  const gate = Promise.withResolvers<void>();
  const last = Promise.withResolvers<void>();
  const { reports, said } = line(async (first, items) => {
    await gate.promise;
    if (first === 6) last.resolve();
    return first + items.length - 1;
  });
  const MIB = 1024 * 1024;
  for (let first = 1; first <= 6; first += 1) reports.take(first, [report], MIB);
  assert.deepEqual(said, ["hold"]);
  gate.resolve();
  await last.promise;
  await reports.close();
  assert.equal(said.filter((each) => each === "go on").length, 1);
  assert.ok(said.indexOf("go on") > said.indexOf("stored 3"));
});

test("a database that is away is waited for; nothing is acknowledged before it is back", async () => {
  let tries = 0;
  const last = Promise.withResolvers<void>();
  const { reports, said } = line(async (first) => {
    tries += 1;
    if (tries < 3) throw Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
    last.resolve();
    return first;
  });
  reports.take(1, [report], 10);
  await last.promise;
  await reports.close();
  assert.equal(tries, 3);
  assert.deepEqual(said, ["stored 1"]);
});

test("any other failure ends the line, so that the daemon sends again on a new connection", async () => {
  const { reports, said, failed } = line(() => Promise.reject(new Error("a bug")));
  reports.take(1, [report], 10);
  assert.equal(((await failed) as Error).message, "a bug");
  reports.take(2, [report], 10);
  await reports.close();
  assert.deepEqual(said, []);
});
