/** Whether two checkouts would install the same dependencies. */
import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { readSmall } from "../git/agent-refs.ts";

/** Files that fix what a package manager installs. */
const LOCKFILES = [
  "package.json",
  "package-lock.json",
  "npm-shrinkwrap.json",
  "pnpm-lock.yaml",
  "yarn.lock",
  "bun.lock",
  "composer.lock",
  "Gemfile.lock",
  "Cargo.lock",
  "go.sum",
  "mix.lock",
  "Podfile.lock",
  "pubspec.lock",
  "requirements.txt",
  "poetry.lock",
  "uv.lock",
  "Pipfile.lock",
  "gradle.lockfile",
];
const MAX_BYTES = 64 * 1024 * 1024;

/**
 * Fingerprint of the lockfiles that a dependency folder was made from: those beside it and in the folders
 * above, up to `root`. `folder` is relative to `root`.
 */
export async function lockFingerprint(root: string, folder: string): Promise<string> {
  const hash = createHash("sha256");
  for (let at = dirname(folder); ; at = dirname(at)) {
    for (const name of LOCKFILES) {
      const text = await readSmall(join(root, at, name), MAX_BYTES);
      if (text !== undefined) hash.update(`${join(at, name)}\0${text.length}\0${text}\0`);
    }
    if (at === "." || at === "/") break;
  }
  return hash.digest("hex");
}
