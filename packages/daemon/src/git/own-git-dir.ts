/**
 * A git directory of the daemon's own that reads a store's objects: its config is empty, so that no filter,
 * merge driver or diff program of the store's config can be started through it.
 */
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeAlternates } from "./alternates.ts";
import { runGit } from "./git.ts";

export interface OwnGitDir {
  readonly gitDir: string;
  /** Git directory whose objects it reads. */
  readonly store: string;
  readonly objectFormat: "sha1" | "sha256";
  readonly signal?: AbortSignal | undefined;
}

/** Makes the git directory, or makes an existing one right. Objects written to it stay in it. */
export async function requireOwnGitDir({ gitDir, store, objectFormat, signal }: OwnGitDir): Promise<void> {
  await mkdir(gitDir, { recursive: true });
  if ((await stat(join(gitDir, "HEAD")).catch(() => undefined)) === undefined) {
    const init = ["init", "-q", "--bare", "--template=", `--object-format=${objectFormat}`];
    await runGit([...init, "--end-of-options", gitDir], { cwd: gitDir, signal });
  }
  await writeAlternates(gitDir, [join(store, "objects")]);
  await copyShallow(store, gitDir);
}

/** A shallow repository has commits whose parents are absent; whoever reads its objects must know. */
export async function copyShallow(store: string, gitDir: string): Promise<void> {
  const shallow = await readFile(join(store, "shallow")).catch(() => undefined);
  if (shallow !== undefined) await writeFile(join(gitDir, "shallow"), shallow);
}

/** Environment in which a clean git directory writes its objects straight into the store. */
export function writingInto(store: string): Record<string, string> {
  return { GIT_OBJECT_DIRECTORY: join(store, "objects") };
}
