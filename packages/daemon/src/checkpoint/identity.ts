/** Who a commit is from, as the environment that `git commit-tree` reads. */

export interface Person {
  readonly name: string;
  readonly email: string;
}

export interface Identity {
  readonly author: Person;
  /** Default the author. */
  readonly committer?: Person | undefined;
  /** Default now. */
  readonly at?: Date | undefined;
}

/** Of commits that no agent and no person wrote: checkpoints, rescues. */
export const MAKIMA: Person = { name: "makima", email: "makima@localhost" };

export function identity({ author, committer = author, at = new Date() }: Identity): Record<string, string> {
  const date = `${Math.floor(at.getTime() / 1000)} +0000`;
  return {
    GIT_AUTHOR_NAME: plain(author.name),
    GIT_AUTHOR_EMAIL: plain(author.email),
    GIT_AUTHOR_DATE: date,
    GIT_COMMITTER_NAME: plain(committer.name),
    GIT_COMMITTER_EMAIL: plain(committer.email),
    GIT_COMMITTER_DATE: date,
  };
}

/** git refuses a name of nothing but marks that it strips. */
function plain(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what it removes
  const kept = text.replaceAll(/[<>\u0000-\u001f]/g, "").trim();
  return kept.replaceAll(/[.,:;"'\\]/g, "") === "" ? "unknown" : kept;
}
