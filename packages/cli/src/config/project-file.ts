/** Finds the project's makima.toml: the nearest one from the current folder up to the repository's top. */
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

export const PROJECT_FILE = "makima.toml";

/** Top folder of the repository that a folder is in, by its `.git`; undefined outside of one. */
export function repositoryTop(from: string): string | undefined {
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    if (existsSync(join(folder, ".git"))) return folder;
    if (dirname(folder) === folder) return undefined;
  }
}

/** Outside a repository only the current folder counts: nothing above it is this project's. */
export function findProjectFile(from: string): string | undefined {
  const top = repositoryTop(from) ?? resolve(from);
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    const file = join(folder, PROJECT_FILE);
    if (existsSync(file)) return file;
    if (folder === top || dirname(folder) === folder) return undefined;
  }
}
