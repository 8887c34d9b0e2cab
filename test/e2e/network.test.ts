/** Bad networks between daemon and server, and a daemon that was away too long. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { routes } from "@makima/protocol/api/routes";
import { assertLaws } from "./laws.ts";
import { Proxy } from "./proxy.ts";
import { seeded } from "./random.ts";
import { git, makeRepository } from "./repository.ts";
import { System } from "./system.ts";

const SEED = Number(process.env["MAKIMA_SEED"] ?? 7);
const LINES = 400;
const SCRIPT = `
turns:
  - - write: { path: one.txt, content: "one\\n" }
    - lines: { count: ${LINES}, rate: 150, prefix: line, nonce: true }
    - write: { path: two.txt, content: "two\\n" }
    - gate: { ready: true, reason: all there }
`;
const FILES = { "one.txt": "one\n", "two.txt": "two\n" };

test("frames that are dropped and doubled lose nothing and double nothing", async (t) => {
  await using system = await System.start({ withoutDaemon: true });
  await using proxy = await Proxy.start(system.url);
  system.addDaemon("daemon", { url: proxy.url });
  const random = seeded(SEED);
  proxy.fate = (_, text) => {
    // The introduction is left alone: without it there is no connection to be bad.
    if (/^\{"type":"(?:hello|welcome)"/.test(text)) return 1;
    const chance = random.between(0, 1);
    return chance < 0.05 ? 0 : chance < 0.2 ? 2 : 1;
  };
  const repository = makeRepository(join(system.folder, "repository"));
  const begun = await system.run({ repository, goal: "Write two files", script: SCRIPT });
  const { task } = await system.follow(begun.id);
  await assertLaws(system, task, { repository, lines: LINES, files: FILES });
  assert.ok(proxy.dropped > 0 && proxy.doubled > 0);
  t.diagnostic(`${proxy.dropped} frames dropped, ${proxy.doubled} doubled, seed ${SEED}`);
});

test("a connection that is cut again and again is resumed where it was", async () => {
  await using system = await System.start({ withoutDaemon: true });
  await using proxy = await Proxy.start(system.url);
  system.addDaemon("daemon", { url: proxy.url });
  const repository = makeRepository(join(system.folder, "repository"));
  const begun = await system.run({ repository, goal: "Write two files", script: SCRIPT });
  for (const number of [20, 90, 160, 230, 300]) {
    await system.seen(begun.id, (entry) => entry.content.startsWith(`line ${number} `));
    proxy.cut();
  }
  const { task } = await system.follow(begun.id);
  await assertLaws(system, task, { repository, lines: LINES, files: FILES });
});

test("a daemon that was stopped for three leases finds its task given away, and its work is kept on a ref", async () => {
  await using system = await System.start({
    withoutDaemon: true,
    env: {
      MAKIMA_LEASES_HEARTBEAT_SECS: "0.5",
      MAKIMA_LEASES_LEASE_SECS: "4",
      MAKIMA_LEASES_GRACE_SECS: "0",
    },
  });
  const sleeper = system.addDaemon("sleeper");
  const repository = makeRepository(join(system.folder, "repository"));
  const script = `
turns:
  - - write: { path: one.txt, content: "one\\n" }
    - lines: { count: 200, rate: 50, prefix: line, nonce: true }
    - write: { path: two.txt, content: "two\\n" }
    - gate: { ready: true, reason: all there }
`;
  const begun = await system.run({ repository, goal: "Write two files", script });
  await system.seen(begun.id, (entry) => entry.content.startsWith("line 40 "));
  await sleeper.kill("SIGSTOP");
  system.addDaemon("other");
  const { task } = await system.follow(begun.id);
  assert.equal(task.status, "done", JSON.stringify(task.error));
  assert.equal(task.attempt, 2);
  const done = await system.client.call(routes.showTask, { params: { id: task.id } });
  await sleeper.kill("SIGCONT");
  // The sleeper learns that the run is not its own, stops it and keeps the work, which it then reports.
  const rescued = await system.seen(
    task.id,
    (entry) => entry.messageType === "checkpoint" && /no longer this daemon's/.test(entry.content),
  );
  assert.ok(rescued.runId);
  assert.notEqual(rescued.runId, done.runId);
  const after = await system.client.call(routes.showTask, { params: { id: task.id } });
  assert.equal(after.result?.commit, done.result?.commit, "the late daemon changed the result");
  assert.equal(
    git(repository, "rev-parse", task.branch),
    done.result?.commit,
    "the late daemon moved the branch",
  );
});
