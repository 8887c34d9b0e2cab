/** Real repositories in temporary folders with awkward names, for tests. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";

/** A temporary folder whose name has a space, quotes and a line end; removed after the test. */
export function temporaryFolder(t: TestContext): string {
  const folder = join(realpathSync(mkdtempSync(join(tmpdir(), "makima-git-"))), `it's a "test"\nfolder`);
  mkdirSync(folder);
  t.after(() => rmSync(dirname(folder), { recursive: true, force: true }));
  return folder;
}

/** Runs git as a person would, with a name and without the host's config. */
export function git(cwd: string, ...args: string[]): string {
  return execFileSync("git", args, {
    cwd,
    env: personEnvironment(),
    encoding: "utf8",
    stdio: "pipe",
  }).trimEnd();
}

export function personEnvironment(): Record<string, string> {
  return {
    PATH: process.env["PATH"] ?? "",
    HOME: "/nonexistent",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_AUTHOR_NAME: "Ada",
    GIT_AUTHOR_EMAIL: "ada@example.com",
    GIT_COMMITTER_NAME: "Ada",
    GIT_COMMITTER_EMAIL: "ada@example.com",
  };
}

/** Writes files below a folder; names may have folders in them. */
export function write(root: string, files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
}

export function read(root: string, name: string): string {
  return readFileSync(join(root, name), "utf8");
}

/** Adds and commits everything. Returns the commit. */
export function commitAll(root: string, message: string): string {
  git(root, "add", "-A");
  git(root, "commit", "-q", "--allow-empty", "-m", message);
  return git(root, "rev-parse", "HEAD");
}

/** A repository with one commit of these files on `main`. */
export function makeRepository(root: string, files: Record<string, string> = { "a.txt": "one\n" }): string {
  mkdirSync(root, { recursive: true });
  git(root, "init", "-q", "-b", "main");
  write(root, files);
  commitAll(root, "first");
  return root;
}

/**
 * What must not change in a person's checkout, byte by byte: files, index, HEAD, stash, config, hooks and
 * branches. Objects, makima's own refs and branches, and times are left out.
 */
export function fingerprint(checkout: string): string {
  const hash = createHash("sha256");
  for (const name of readdirSync(checkout, { recursive: true, encoding: "utf8" }).sort()) {
    if (/^\.git\/(objects|refs\/makima|refs\/heads\/makima|logs)(\/|$)/.test(name)) continue;
    if (/^\.git\/worktrees(\/|$)/.test(name)) continue;
    let content: Buffer | string = "";
    try {
      content = readFileSync(join(checkout, name));
    } catch {
      content = "folder";
    }
    hash.update(`${name}\0${createHash("sha256").update(content).digest("hex")}\0`);
  }
  return hash.digest("hex");
}

/** A named pipe. */
export function makePipe(path: string): void {
  execFileSync("/usr/bin/env", ["mkfifo", path]);
}
