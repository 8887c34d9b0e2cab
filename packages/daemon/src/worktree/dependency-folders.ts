/** Which ignored folders of a checkout hold installed dependencies, and which of them can be copied. */
import { lstat } from "node:fs/promises";
import { basename, join } from "node:path";
import { fields, runGit } from "../git/git.ts";

/** Folder names of package managers and build tools. A folder counts only if git ignores it as well. */
const NAMES = new Set([
  "node_modules",
  "bower_components",
  "jspm_packages",
  "vendor",
  "target",
  ".venv",
  "venv",
  "env",
  ".tox",
  "Pods",
  "Carthage",
  "deps",
  "_build",
  ".bundle",
  ".gradle",
  ".dart_tool",
  "elm-stuff",
  ".stack-work",
  "dist-newstyle",
]);

export interface IgnoredFolders {
  /** Git directory of the daemon's own, with an index of what git tracks. */
  readonly gitDir: string;
  readonly workTree: string;
  /** Another index than the git directory's own. */
  readonly index?: string;
  readonly signal?: AbortSignal | undefined;
}

export interface DependencyFolder {
  /** Relative to the checkout's top. */
  readonly path: string;
  /** A Python environment names its own absolute path in its scripts, so a copy would still use the original. */
  readonly boundToPath: boolean;
}

/** Real folders only: a link is nobody's dependencies to copy. */
export async function findDependencyFolders(request: IgnoredFolders): Promise<DependencyFolder[]> {
  const { gitDir, workTree, index, signal } = request;
  const args = ["ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory"];
  const { stdout } = await runGit(args, {
    gitDir,
    workTree,
    signal,
    ...(index === undefined ? {} : { env: { GIT_INDEX_FILE: index } }),
  });
  const found: DependencyFolder[] = [];
  for (const listed of fields(stdout, "utf8")) {
    const path = listed.replace(/\/$/, "");
    if (path === listed || !NAMES.has(basename(path))) continue;
    if (!(await lstat(join(workTree, path)).catch(() => undefined))?.isDirectory()) continue;
    const boundToPath =
      (await lstat(join(workTree, path, "pyvenv.cfg")).catch(() => undefined)) !== undefined;
    found.push({ path, boundToPath });
  }
  return found;
}
