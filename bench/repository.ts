/** Repositories of a given size. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { run } from "./child.ts";

/** Git without the host's configuration. */
export const GIT_ENV: NodeJS.ProcessEnv = {
  PATH: process.env["PATH"],
  HOME: "/nonexistent",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_AUTHOR_NAME: "bench",
  GIT_AUTHOR_EMAIL: "bench@localhost",
  GIT_COMMITTER_NAME: "bench",
  GIT_COMMITTER_EMAIL: "bench@localhost",
};

export const git = (cwd: string, ...args: string[]): Promise<void> => run("git", args, { cwd, env: GIT_ENV });

/** One commit of `files` files on `main`, a hundred in a folder, 200 bytes to 4 KB each, packed and checked out. */
export async function makeRepository(root: string, files: number): Promise<string> {
  mkdirSync(root, { recursive: true });
  await git(root, "init", "-q", "-b", "main");
  const child = spawn("git", ["fast-import", "--quiet"], {
    cwd: root,
    env: GIT_ENV,
    stdio: ["pipe", "ignore", "inherit"],
  });
  const ended = once(child, "close");
  await pipeline(Readable.from(commitOf(files)), child.stdin);
  const [code] = (await ended) as [number];
  if (code !== 0) throw new Error(`git fast-import ended with ${code}.`);
  await git(root, "reset", "-q", "--hard");
  return root;
}

/** What `git fast-import` reads. */
function* commitOf(files: number): Iterable<string> {
  yield "commit refs/heads/main\ncommitter bench <bench@localhost> 1700000000 +0000\ndata 5\nfirst\n";
  for (let n = 0; n < files; n += 1) {
    const path = `part-${Math.floor(n / 5000)}/folder-${Math.floor(n / 100) % 50}/file-${n}.ts`;
    const line = `export const value${n} = ${(n * 2654435761) % 4294967296};\n`;
    const text = line.repeat(5 + ((n * 7) % 90));
    yield `M 100644 inline ${path}\ndata ${text.length}\n${text}\n`;
  }
}
