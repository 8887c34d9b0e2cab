/** Which git this host has. */
import { GitError } from "./error.ts";
import { gitText } from "./git.ts";

/** `merge-tree --write-tree`, with which branches are merged without a checkout, came with 2.38. */
const NEEDED: readonly [number, number] = [2, 38];

/** The version as printed, e.g. `2.39.5`. Throws `git_missing` or `git_too_old`. */
export async function requireGit(signal?: AbortSignal): Promise<string> {
  const said = await gitText(["version"], { signal });
  const found = /(\d+)\.(\d+)(?:\.\d+)*/.exec(said);
  const [major, minor] = [Number(found?.[1] ?? 0), Number(found?.[2] ?? 0)];
  if (major < NEEDED[0] || (major === NEEDED[0] && minor < NEEDED[1])) {
    throw new GitError(
      "git_too_old",
      `This host has git ${found?.[0] ?? said}, and makima needs ${NEEDED.join(".")} or newer. Upgrade git and start the daemon again.`,
    );
  }
  return found?.[0] ?? said;
}
