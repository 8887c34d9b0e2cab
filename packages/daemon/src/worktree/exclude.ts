/** Paths that git leaves out without a word in a `.gitignore`: `info/exclude`. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Files that makima itself puts into a worktree. */
export const OWN_FILES: readonly string[] = ["progress.log", "prd.json"];

/** Excludes exactly these paths, relative to the worktree's top. */
export async function writeExclude(gitDir: string, paths: readonly string[]): Promise<void> {
  await mkdir(join(gitDir, "info"), { recursive: true });
  const lines = paths.map((path) => `/${path.replaceAll(/[\\*?[\]!# ]/g, "\\$&")}\n`);
  await writeFile(join(gitDir, "info", "exclude"), `# Written by makima for this task.\n${lines.join("")}`);
}
