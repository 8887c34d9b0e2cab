/** A task's worktree on a real repository, for tests. */
import { join } from "node:path";
import type { TestContext } from "node:test";
import { KeyedLock } from "../../git/keyed-lock.ts";
import { openStore, type Store } from "../../git/store.ts";
import { git, makeRepository, temporaryFolder } from "../../git/testing/repository.ts";
import { createWorktree, type CreatedWorktree, type CreateWorktree } from "../create.ts";
import type { WorktreePaths } from "../task-tree.ts";

export interface World {
  readonly folder: string;
  /** The person's checkout, on `main`. */
  readonly repo: string;
  readonly store: Store;
  readonly paths: WorktreePaths;
  readonly locks: KeyedLock;
  readonly base: string;
  /** Makes (or finds) the worktree of a task. */
  make(taskId?: string, more?: Partial<CreateWorktree>): Promise<CreatedWorktree>;
}

export async function makeWorld(t: TestContext, files?: Record<string, string>): Promise<World> {
  const folder = temporaryFolder(t);
  const repo = makeRepository(join(folder, "repo"), files);
  return worldOf(folder, repo);
}

/** The same around a repository that exists. */
export async function worldOf(folder: string, repo: string): Promise<World> {
  const locks = new KeyedLock();
  const paths = { worktreesDir: join(folder, "worktrees"), stateDir: join(folder, "state") };
  const repository = { id: "r1", kind: "local", path: repo } as const;
  const store = await openStore({ repository, reposDir: join(folder, "repos"), allowFileUrls: false, locks });
  const base = git(repo, "rev-parse", "HEAD");
  const make = (taskId = "t1", more: Partial<CreateWorktree> = {}): Promise<CreatedWorktree> =>
    createWorktree({
      paths,
      taskId,
      store,
      branch: `makima/contract/${taskId}`,
      baseCommit: base,
      baseBranch: "main",
      isolation: "clone",
      copyFiles: [],
      dependencies: "auto",
      ...more,
    });
  return { folder, repo, store, paths, locks, base, make };
}

export const ADA = { name: "Ada", email: "ada@example.com" };
