import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { fingerprint } from "../git/testing/repository.ts";
import { World } from "../testing/world.ts";

// Outside /tmp, which a sandbox has of its own: what is not reached here is kept away, not merely hidden.
const outside = mkdtempSync("/var/tmp/makima-sandboxed-");
after(() => rmSync(outside, { recursive: true, force: true }));
process.env["TMPDIR"] = outside;
process.env["HOME"] = join(outside, "home");
mkdirSync(join(outside, "home", ".ssh"), { recursive: true });
writeFileSync(join(outside, "home", ".ssh", "id_ed25519"), "the private key\n");

const SANDBOX = { process: { bubblewrap: { enabled: true } } };

test("a run in a sandbox works, commits, and its checks run in one too", async (t) => {
  const world = await World.start(t, { config: SANDBOX });
  const before = fingerprint(world.repo);
  const script = world.script([
    [
      { run: "git log --format=%s -1 && git status --short" },
      { write: { path: "own.txt", content: "own\n" } },
      { commit: "feat: own" },
      { write: { path: "good.txt", content: "good\n" } },
      { gate: { ready: true } },
    ],
  ]);
  const seen = `ls '${world.options.stateDir}' | grep -v checks; cat ~/.ssh/id_ed25519; git log --format=%s -1`;
  const testCommand = `${seen}; touch '${world.repo}/from-a-check' || echo '1 passed'`;
  const options = { ...world.spec().options, testCommand };
  const { spec, end } = await world.run({ agentScript: script, options });
  assert.deepEqual(end.outcome, { type: "done" });
  assert.equal(world.show(spec.branch, "good.txt"), "good");
  assert.match(world.git("log", "--format=%s", spec.branch), /^feat: own$/m);
  const proof = world.server.of("iterationEnded")[0]?.evidence.find(({ kind }) => kind === "tests");
  assert.equal(proof?.verdict, "passed");
  assert.match(proof?.outputTail ?? "", /Read-only file system/);
  assert.doesNotMatch(proof?.outputTail ?? "", /private key|daemon\.db/);
  assert.equal(fingerprint(world.repo), before);
  assert.equal(world.sessions().length, 1);
});

test("an agent in a sandbox writes nowhere but in its worktree, and reads neither keys nor the daemon's records", async (t) => {
  const world = await World.start(t, { config: SANDBOX });
  const { stateDir } = world.options;
  const script = world.script([
    [
      { write: { path: join(world.repo, "escaped.txt"), content: "out\n" } },
      { write: { path: join(stateDir, "escaped.txt"), content: "out\n" } },
      { write: { path: join(world.repo, ".git", "hooks", "post-commit"), content: "#!/bin/sh\n" } },
      {
        run: `cat '${stateDir}/daemon.db' '${stateDir}/daemon-id' > copied.txt; ls '${stateDir}' >> copied.txt; true`,
      },
      { run: "cat ~/.ssh/id_ed25519 >> copied.txt; true" },
      { gate: { ready: true } },
    ],
  ]);
  const { spec, end } = await world.run({ agentScript: script });
  assert.deepEqual(end.outcome, { type: "done" });
  assert.equal(existsSync(join(world.repo, "escaped.txt")), false);
  assert.equal(existsSync(join(stateDir, "escaped.txt")), false);
  assert.equal(existsSync(join(world.repo, ".git", "hooks", "post-commit")), false);
  assert.doesNotMatch(world.show(spec.branch, "copied.txt"), /SQLite|private key|daemon/);
});

test("a mirror's objects can be read in a sandbox, wherever the mirror lies", async (t) => {
  const world = await World.make(t, { config: { ...SANDBOX, worktree: { file_urls: true } } });
  world.options.reposDir = join(outside, "home", ".makima", "repos");
  await world.up();
  const script = world.script([
    [{ run: "git show HEAD:a.txt > copy.txt" }, { commit: "feat: a copy" }, { gate: { ready: true } }],
  ]);
  const repository = { id: "r1", name: "repo", kind: "remote" as const, url: `file://${world.repo}` };
  const { spec, end } = await world.run({ agentScript: script, repository });
  assert.deepEqual(end.outcome, { type: "done" });
  assert.equal(world.show(spec.branch, "copy.txt"), "one");
});

test("without bubblewrap nothing runs, and the sentence says how to install it", async (t) => {
  const bubblewrap = { enabled: true, bwrap_command: "/nonexistent" };
  const world = await World.start(t, { config: { process: { bubblewrap } } });
  const { end } = await world.run();
  assert.ok(end.outcome.type === "parked");
  assert.equal(end.outcome.reason, "setup_required");
  assert.match(end.outcome.detail ?? "", /apt-get install bubblewrap/);
  assert.equal(world.sessions().length, 0);
});
