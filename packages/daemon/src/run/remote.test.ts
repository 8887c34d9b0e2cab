import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import type { RepositorySpec } from "@makima/protocol/run-spec";
import { git } from "../git/testing/repository.ts";
import { nameOf, World, type Setting } from "../testing/world.ts";

/** A world whose repository is reached at an address. */
async function remote(
  t: TestContext,
  config: NonNullable<Setting["config"]> = {},
): Promise<{ world: World; repository: RepositorySpec }> {
  const world = await World.make(t, {
    config: { ...config, worktree: { file_urls: true, ...config.worktree } },
  });
  return { world, repository: { id: "r1", name: "repo", kind: "remote", url: `file://${world.repo}` } };
}

function program(world: World, text: string): string {
  const path = join(world.folder, "open-pull-request");
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
  return path;
}

describe("checkpoints that are pushed", () => {
  test("arrive at the remote, and a daemon on another host goes on from them", async (t) => {
    const { world, repository } = await remote(t, { worktree: { push_checkpoints: true } });
    await world.up();
    const turns = [
      [
        { write: { path: "own.txt", content: "own\n" } },
        { commit: "feat: own" },
        { write: { path: "half.txt", content: "half\n" } },
        { gate: { ready: false, blockers: ["the rest"] } },
      ],
      [{ say: "I hang." }, { hang: true }],
    ];
    const spec = world.spawn({ repository, agentScript: world.script(turns) });
    await world.server.entry("I hang.");
    world.stop(spec, "pause");
    await world.server.ended(spec.runId);
    const taken = world.server.of("checkpointTaken").at(-1);
    assert.equal(taken?.pushed, true);
    assert.equal(git(world.repo, "rev-parse", taken?.ref ?? ""), taken?.commit);
    await world.down();

    const other = await World.make(t, { config: { worktree: { file_urls: true } } });
    await other.up();
    const end = world.server.of("runEnded", spec.runId).at(-1);
    const next = other.spawn({
      ...spec,
      runId: other.spec().runId,
      epoch: 2,
      agentScript: "happy",
      checkpoint: { n: taken?.n ?? 0, ref: taken?.ref ?? "", commit: taken?.commit ?? "" },
      ...(end?.loop ? { loop: end.loop } : {}),
    });
    const done = await other.server.ended(next.runId);
    assert.deepEqual(done.outcome, { type: "done" });
    assert.deepEqual(done.result?.changedFiles?.toSorted(), ["half.txt", "own.txt", "sim-note.md"]);
    assert.equal(git(world.repo, "show", `${spec.branch}:half.txt`), "half");
    assert.match(git(world.repo, "log", "--format=%s", spec.branch), /^feat: own$/m);
  });

  test("and are gone there: the task begins without them and says so", async (t) => {
    const { world, repository } = await remote(t);
    await world.up();
    const checkpoint = { n: 3, ref: "refs/makima/checkpoints/gone/3", commit: "1".repeat(40) };
    const { end } = await world.run({ repository, checkpoint, epoch: 2 });
    assert.deepEqual(end.outcome, { type: "done" });
    await world.server.entry(/Checkpoint 3 of an earlier run is not here and could not be fetched/);
  });
});

describe("a pull request", () => {
  test("is opened by the configured program once the branch is pushed", async (t) => {
    const { world, repository } = await remote(t);
    const tool = program(world, 'echo "https://example.com/$1/pull/7"');
    world.options.config.completion.pull_request_command = [tool, "{target}", "{branch}", "{title}"];
    await world.up();
    const { spec, end } = await world.run({ repository, completionAction: "pr" });
    assert.equal(end.result?.ok, true, end.result?.error);
    assert.equal(end.result?.url, "https://example.com/main/pull/7");
    assert.equal(git(world.repo, "rev-parse", spec.branch), end.result?.commit);
    assert.deepEqual(
      world.server.leaves.map(({ action }) => action),
      ["commit", "pullRequest"],
    );
  });

  test("that cannot be opened leaves a done task with why, and can be tried again", async (t) => {
    const { world, repository } = await remote(t);
    const tool = program(world, 'echo "no such label: makima" >&2; exit 1');
    world.options.config.completion.pull_request_command = [tool];
    await world.up();
    const { spec, end } = await world.run({ repository, completionAction: "pr" });
    assert.deepEqual(end.outcome, { type: "done" });
    assert.equal(end.result?.ok, false);
    assert.match(
      end.result?.error ?? "",
      /was not opened: no such label: makima\. .*retry the completion action/,
    );
    assert.equal(git(world.repo, "rev-parse", spec.branch), end.result?.commit);
    program(world, "echo https://example.com/pull/8");
    world.server.command({ type: "retryCompletionAction", ...nameOf(spec), spec });
    const again = await world.server.report("completionAction");
    assert.equal(again.result.ok, true, again.result.error);
    assert.equal(again.result.url, "https://example.com/pull/8");
  });
});
