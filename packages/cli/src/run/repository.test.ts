import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { CliError } from "../cli-error.ts";
import { findRepository } from "./repository.ts";
import { scratch } from "./testing/scratch-repository.ts";

const BRANCH = { merges: false };

async function refusal(folder: string, wanted: Parameters<typeof findRepository>[1]): Promise<CliError> {
  const error = await findRepository(folder, wanted).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof CliError, "it was not refused");
  assert.ok(error.next.length > 0, "the refusal does not say what to do next");
  return error;
}

test("work begins from the branch that is checked out, from any folder of the repository", async () => {
  using repository = scratch("commits", "makima 'run' \"a\nb\"-");
  const inner = join(repository.path, "deep", "er");
  mkdirSync(inner, { recursive: true });
  assert.deepEqual(await findRepository(inner, BRANCH), {
    path: repository.path,
    baseBranch: "main",
    baseCommit: repository.git("rev-parse", "HEAD").trim(),
    uncommitted: 0,
  });
});

test("uncommitted changes are counted and are no error", async () => {
  using repository = scratch("commits");
  repository.write("a.txt", "two\n");
  repository.write("new.txt", "new\n");
  assert.equal((await findRepository(repository.path, BRANCH)).uncommitted, 2);
});

test("a folder that is no repository, or is not there, is refused with what to do", async () => {
  using folder = scratch("folder");
  const error = await refusal(folder.path, BRANCH);
  assert.equal(error.code, "NOT_A_REPOSITORY");
  assert.equal(error.exit, 2);
  assert.equal((await refusal(join(folder.path, "gone"), BRANCH)).exit, 2);
  folder.write("file", "");
  assert.match((await refusal(join(folder.path, "file"), BRANCH)).message, /is a file/);
});

test("the inside of a git folder is not taken for a checkout", async () => {
  using repository = scratch("commits");
  const error = await refusal(join(repository.path, ".git"), BRANCH);
  assert.equal(error.code, "NOT_A_REPOSITORY");
  assert.match(error.message, /git folder/);
});

test("a repository without a commit is refused", async () => {
  using repository = scratch("empty");
  const error = await refusal(repository.path, BRANCH);
  assert.equal(error.code, "NO_COMMIT");
  assert.match(error.next[0] ?? "", /commit -m/);
});

test("a detached HEAD needs --base, and with it is fine", async () => {
  using repository = scratch("commits");
  repository.git("checkout", "--quiet", "--detach");
  const error = await refusal(repository.path, BRANCH);
  assert.equal(error.code, "DETACHED_HEAD");
  assert.match(error.next[0] ?? "", /--base/);
  assert.equal((await findRepository(repository.path, { base: "main", merges: false })).baseBranch, "main");
});

test("an unknown base is refused with the nearest branch", async () => {
  using repository = scratch("commits");
  const error = await refusal(repository.path, { base: "mian", merges: false });
  assert.equal(error.code, "UNKNOWN_BRANCH");
  assert.equal(error.next[0], "--base main");
  assert.equal(
    (await refusal(repository.path, { base: "--output=x", merges: false })).code,
    "UNKNOWN_BRANCH",
  );
});

test("a merge wants a branch to merge into", async () => {
  using repository = scratch("commits");
  const commit = repository.git("rev-parse", "HEAD").trim();
  assert.equal((await refusal(repository.path, { base: commit, merges: true })).code, "NO_TARGET");
  const unknown = { base: "main", target: "release", merges: true };
  assert.equal((await refusal(repository.path, unknown)).code, "UNKNOWN_BRANCH");
  repository.git("branch", "release");
  assert.equal((await findRepository(repository.path, unknown)).baseBranch, "main");
});

test("a GIT_DIR left in the environment does not lead to another repository", async () => {
  using repository = scratch("commits");
  using other = scratch("commits");
  process.env["GIT_DIR"] = join(other.path, ".git");
  try {
    assert.equal((await findRepository(repository.path, BRANCH)).path, repository.path);
  } finally {
    delete process.env["GIT_DIR"];
  }
});
