/** Repositories of a given size. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
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

/** One commit of `files` files on `main`, a hundred in a folder, 200 bytes to 4 KB each, packed. */
export async function makeRepository(root: string, files: number): Promise<string> {
  for (let n = 0; n < files; n += 1) {
    const folder = join(root, `part-${Math.floor(n / 5000)}`, `folder-${Math.floor(n / 100) % 50}`);
    if (n % 100 === 0) mkdirSync(folder, { recursive: true });
    const line = `export const value${n} = ${(n * 2654435761) % 4294967296};\n`;
    writeFileSync(join(folder, `file-${n}.ts`), line.repeat(5 + ((n * 7) % 90)));
  }
  await git(root, "init", "-q", "-b", "main");
  await git(root, "add", "-A");
  await git(root, "commit", "-q", "-m", "first");
  await git(root, "gc", "-q");
  return root;
}
