/** A throw-away git repository for tests. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Scratch extends Disposable {
  readonly path: string;
  git(...args: string[]): string;
  write(name: string, text: string): void;
}

/** An empty folder; with `commits`, a repository on `main` that has one. */
export function scratch(kind: "folder" | "empty" | "commits", name = "makima-run-"): Scratch {
  const path = realpathSync(mkdtempSync(join(tmpdir(), name)));
  const env = {
    PATH: process.env["PATH"],
    HOME: path,
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_CONFIG_SYSTEM: "/dev/null",
    GIT_AUTHOR_NAME: "Test",
    GIT_AUTHOR_EMAIL: "test@example.invalid",
    GIT_COMMITTER_NAME: "Test",
    GIT_COMMITTER_EMAIL: "test@example.invalid",
  };
  const git = (...args: string[]) =>
    execFileSync("git", args, { cwd: path, env, encoding: "utf8", stdio: "pipe" });
  const write = (file: string, text: string) => writeFileSync(join(path, file), text);
  if (kind !== "folder") git("init", "--quiet", "--initial-branch=main");
  if (kind === "commits") {
    write("a.txt", "one\n");
    git("add", "-A");
    git("commit", "--quiet", "-m", "First");
  }
  return { path, git, write, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
