import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isGitError } from "./error.ts";
import { gitText, runGit } from "./git.ts";
import { git, makeRepository, temporaryFolder, write } from "./testing/repository.ts";
import { requireGit } from "./version.ts";

test("the version of git is found", async () => {
  assert.match(await requireGit(), /^\d+\.\d+/);
});

test("variables of the daemon's own process do not choose the repository", async (t) => {
  const folder = temporaryFolder(t);
  const repo = makeRepository(join(folder, "repo"));
  process.env["GIT_DIR"] = "/nonexistent";
  process.env["GIT_CONFIG_COUNT"] = "1";
  t.after(() => {
    delete process.env["GIT_DIR"];
    delete process.env["GIT_CONFIG_COUNT"];
  });
  assert.equal(await gitText(["rev-parse", "--show-toplevel"], { cwd: repo }), repo);
});

test("a failure names the call, the exit code, what git said and the next step", async (t) => {
  const folder = temporaryFolder(t);
  const repo = makeRepository(join(folder, "repo"));
  await assert.rejects(
    runGit(["rev-parse", "--verify", "nothing"], { gitDir: join(repo, ".git") }),
    (error) => {
      assert.ok(isGitError(error, "git_failed"));
      assert.equal(error.facts.exitCode, 128);
      assert.match(error.message, /Needed a single revision.*try again\.$/s);
      return true;
    },
  );
});

test("a host without git is told how to get it", async (t) => {
  const { PATH } = process.env;
  t.after(() => (process.env["PATH"] = PATH));
  process.env["PATH"] = "/nonexistent";
  await assert.rejects(
    requireGit(),
    (error) => isGitError(error, "git_missing") && /Install git/.test(error.message),
  );
});

test("a folder that is not there is not taken for a missing git", async () => {
  await assert.rejects(runGit(["status"], { cwd: "/nonexistent/folder" }), (error) =>
    isGitError(error, "not_a_repository"),
  );
});

test("an abort ends git and what it started, with the signal's own reason", async (t) => {
  const repo = makeRepository(join(temporaryFolder(t), "repo"));
  const controller = new AbortController();
  const reason = new Error("stop now");
  // It waits for input that never comes.
  const { Readable } = await import("node:stream");
  const input = new Readable({ read() {} });
  const running = runGit(["hash-object", "--stdin"], {
    gitDir: join(repo, ".git"),
    input,
    signal: controller.signal,
  });
  controller.abort(reason);
  await assert.rejects(running, (error) => error === reason);
});

test("a git that does not end is stopped at its time limit", async (t) => {
  const repo = makeRepository(join(temporaryFolder(t), "repo"));
  const { Readable } = await import("node:stream");
  const input = new Readable({ read() {} });
  const options = { gitDir: join(repo, ".git"), input, timeoutMs: 50 };
  await assert.rejects(runGit(["hash-object", "--stdin"], options), (error) =>
    isGitError(error, "timed_out"),
  );
});

test("output over the limit is an error, or cut off where that is asked for", async (t) => {
  const repo = makeRepository(join(temporaryFolder(t), "repo"), { big: "x".repeat(100_000) });
  const options = { gitDir: join(repo, ".git"), maxOutputBytes: 1000 };
  await assert.rejects(runGit(["cat-file", "blob", "HEAD:big"], options), (error) =>
    isGitError(error, "output_too_large"),
  );
  const cut = await runGit(["cat-file", "blob", "HEAD:big"], { ...options, truncate: true });
  assert.equal(cut.truncated, true);
  assert.equal(cut.stdout.length, 1000);
});

test("fsmonitor, hooks, pagers and diff programs of a repository's config are not started", async (t) => {
  const folder = temporaryFolder(t);
  const repo = makeRepository(join(folder, "repo"));
  const marker = join(folder, "marker");
  const touch = `touch '${marker.replaceAll("'", `'\\''`)}' #`;
  for (const key of ["core.fsmonitor", "core.pager", "diff.external", "core.editor", "core.sshCommand"]) {
    git(repo, "config", key, touch);
  }
  write(repo, { ".git/hooks/reference-transaction": `#!/bin/sh\n${touch}\n`, "a.txt": "changed\n" });
  const { chmodSync } = await import("node:fs");
  chmodSync(join(repo, ".git/hooks/reference-transaction"), 0o755);
  const options = { gitDir: join(repo, ".git"), workTree: repo };
  await runGit(["status"], options);
  await runGit(["diff"], options);
  await runGit(["log"], options);
  await runGit(["update-ref", "refs/heads/x", "HEAD"], options);
  assert.equal(existsSync(marker), false);
});

test("no transport can be used in the local profile", async (t) => {
  const repo = makeRepository(join(temporaryFolder(t), "repo"));
  const options = { gitDir: join(repo, ".git") };
  await assert.rejects(runGit(["fetch", repo], options), /not allowed/);
  await assert.rejects(runGit(["ls-remote", "ext::true"], { ...options, profile: "person" }), /not allowed/);
});
