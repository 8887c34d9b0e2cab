import assert from "node:assert/strict";
import { chmodSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { isGitError } from "../git/error.ts";
import { temporaryFolder, write } from "../git/testing/repository.ts";
import { openPullRequest, type PullRequest } from "./pull-request.ts";

/** A program that notes its arguments and then runs a script. */
function tool(
  t: TestContext,
  script: string,
): { program: string; request: PullRequest; seen: () => string[] } {
  const cwd = temporaryFolder(t);
  const program = join(cwd, "tool");
  write(cwd, { tool: `#!/bin/sh\nprintf '%s\\0' "$@" >> seen\n${script}\n` });
  chmodSync(program, 0o755);
  const request = {
    cwd,
    repository: "https://example.com/a.git",
    branch: "makima/x",
    target: "main",
    title: "feat: $(touch marker) {body}",
    body: "--draft\n`touch marker`",
  };
  return { program, request, seen: () => readFileSync(join(cwd, "seen"), "utf8").split("\0").slice(0, -1) };
}

test("the program gets title and body as they are and its last address is the answer", async (t) => {
  const { program, request, seen } = tool(
    t,
    "echo 'see https://example.com/help'; echo https://example.com/pull/7",
  );
  const command = [program, "create", "{branch}", "--title={title}", "{body}", "{target}", "{repository}"];
  const opened = await openPullRequest({ ...request, command });
  assert.deepEqual(opened, { url: "https://example.com/pull/7", created: true });
  assert.deepEqual(seen(), [
    "create",
    "makima/x",
    `--title=${request.title}`,
    request.body,
    "main",
    request.repository,
  ]);
});

test("one that is open already is found and not opened again", async (t) => {
  const { program, request, seen } = tool(t, "echo https://example.com/pull/7");
  const opened = await openPullRequest({
    ...request,
    command: [program, "create"],
    findCommand: [program, "find"],
  });
  assert.deepEqual(opened, { url: "https://example.com/pull/7", created: false });
  assert.deepEqual(seen(), ["find"]);
});

test("a missing program is an error that says how to install or configure it", async (t) => {
  const { request } = tool(t, "");
  await assert.rejects(openPullRequest({ ...request, command: ["makima-no-such-program"] }), (error) => {
    return isGitError(error, "pull_request_tool_missing") && /pull_request_command/.test(error.message);
  });
});

test("a refusal carries what the program said; an answer without an address is none", async (t) => {
  const failing = tool(t, "echo 'no rights' >&2; exit 1");
  await assert.rejects(openPullRequest({ ...failing.request, command: [failing.program] }), (error) => {
    return isGitError(error, "pull_request_failed") && /no rights/.test(error.message);
  });
  const silent = tool(t, "echo done");
  await assert.rejects(openPullRequest({ ...silent.request, command: [silent.program] }), (error) =>
    isGitError(error, "pull_request_failed"),
  );
});
