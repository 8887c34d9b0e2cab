/**
 * The one permitted touch of a person's checkout: an explicit merge brings a clean one forward to the merged
 * commit. It runs as the person would run it, with their config (large-file filters), but without hooks.
 */
import { access } from "node:fs/promises";
import { join } from "node:path";
import { GitError, isGitError, shellWord } from "../git/error.ts";
import { runGit } from "../git/git.ts";
import { isDirty, locateRepository } from "../git/inspect.ts";
import { listLinked } from "../worktree/linked.ts";

export interface Checkout {
  readonly path: string;
  readonly gitDir: string;
}

/** Where a branch is checked out; undefined when nowhere. */
export async function findCheckout(
  store: string,
  ref: string,
  signal?: AbortSignal,
): Promise<Checkout | undefined> {
  const entry = (await listLinked(store, signal)).find((linked) => linked.ref === ref);
  if (entry === undefined) return undefined;
  const found = await locateRepository(entry.path, signal);
  return found.topLevel === undefined ? undefined : { path: found.topLevel, gitDir: found.gitDir };
}

export interface CheckoutMerge {
  readonly checkout: Checkout;
  readonly source: string;
  readonly target: string;
  readonly signal?: AbortSignal | undefined;
}

/** Signs that the person is in the middle of something. */
const BUSY = ["MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply", "index.lock"];

/** Throws `dirty_checkout` when it has uncommitted changes or something unfinished. */
export async function requireCleanCheckout(request: CheckoutMerge): Promise<void> {
  const { checkout, signal } = request;
  for (const name of BUSY) {
    if (await exists(join(checkout.gitDir, name))) throw dirty(request, `has something unfinished (${name})`);
  }
  if (await isDirty(checkout.gitDir, checkout.path, { profile: "person", signal })) {
    throw dirty(request, "has uncommitted changes");
  }
}

/** Throws `dirty_checkout` or `moved_on`; git then has changed nothing. */
export async function fastForwardCheckout(
  request: CheckoutMerge & { readonly commit: string },
): Promise<void> {
  const { checkout, commit, signal } = request;
  const args = ["merge", "--ff-only", "--quiet", "--no-stat", "--no-autostash", "--end-of-options", commit];
  try {
    await runGit(args, { gitDir: checkout.gitDir, workTree: checkout.path, profile: "person", signal });
  } catch (error) {
    if (!isGitError(error, "git_failed")) throw error;
    const stderr = error.facts.stderr ?? "";
    if (/would be overwritten/.test(stderr)) throw dirty(request, "has files in the way", stderr);
    throw new GitError(
      "moved_on",
      `${request.target} changed in ${checkout.path} while makima merged into it. Nothing was merged; try again, or finish by hand: ${byHand(request)}`,
      { path: checkout.path, stderr, command: byHand(request) },
      error,
    );
  }
}

function dirty(request: CheckoutMerge, why: string, stderr = ""): GitError {
  const command = byHand(request);
  return new GitError(
    "dirty_checkout",
    `${request.target} is checked out in ${request.checkout.path}, which ${why}. Nothing was merged. Commit or stash there and try again, or finish by hand: ${command}`,
    { path: request.checkout.path, command, stderr },
  );
}

function byHand({ checkout, source }: CheckoutMerge): string {
  return `git -C ${shellWord(checkout.path)} merge ${shellWord(source)}`;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
