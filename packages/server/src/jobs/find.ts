/** Finds what a caller names, or words why it is not found. Another owner's records are never found. */
import type { Caller, Deps } from "../deps.ts";
import { done, refused, type Outcome } from "../outcome.ts";
import {
  isUuid,
  resolveContract,
  resolveQuestion,
  resolveTask,
  type Reach,
  type Resolved,
} from "../store/resolve.ts";

const NOUNS = {
  contract: { resolve: resolveContract, code: "CONTRACT_NOT_FOUND", list: "makima contracts list" },
  task: { resolve: resolveTask, code: "TASK_NOT_FOUND", list: "makima tasks list" },
  question: { resolve: resolveQuestion, code: "QUESTION_NOT_FOUND", list: "makima questions" },
} as const;

async function find(
  deps: Deps,
  caller: Caller,
  noun: keyof typeof NOUNS,
  ref: string,
): Promise<Outcome<string>> {
  const { resolve, code, list } = NOUNS[noun];
  const resolved = await resolve(deps.db, reachOf(caller), ref);
  if (resolved.found === "one") return done(resolved.id);
  return refused(code, sentence(noun, ref, resolved), { details: { id: ref }, next: [list] });
}

function sentence(noun: string, ref: string, resolved: Resolved): string {
  return resolved.found === "several"
    ? `More than one ${noun} begins with "${ref}". Give more of the id.`
    : `There is no ${noun} "${ref}".`;
}

export function findContract(deps: Deps, caller: Caller, ref: string): Promise<Outcome<string>> {
  return find(deps, caller, "contract", ref);
}

export function findTask(deps: Deps, caller: Caller, ref: string): Promise<Outcome<string>> {
  return find(deps, caller, "task", ref);
}

export function findQuestion(deps: Deps, caller: Caller, ref: string): Promise<Outcome<string>> {
  return find(deps, caller, "question", ref);
}

/** What the caller may touch at all: a task's key only its own contract. */
export function reachOf({ ownerId, principal, contractId }: Caller): Reach {
  // A task without a contract reaches nothing but itself; no contract has this id.
  return principal === "task" ? { ownerId, contractId: contractId ?? NOTHING } : { ownerId };
}

const NOTHING = "00000000-0000-0000-0000-000000000000";

/** A cursor that is an id, checked: clients may send anything. */
export function cursorId(after: string | undefined): Outcome<string | undefined> {
  if (after === undefined || isUuid(after)) return done(after);
  return badCursor();
}

/** A cursor that is a number. */
export function cursorNumber(after: string | undefined): Outcome<number | undefined> {
  if (after === undefined) return done(undefined);
  const number = Number(after);
  return Number.isSafeInteger(number) && number >= 0 ? done(number) : badCursor();
}

function badCursor(): Outcome<never> {
  return refused("VALIDATION_FAILED", "This cursor is not one that a page gave. Begin again without it.", {
    errors: [{ pointer: "after", message: "is not a cursor" }],
  });
}

/** A page of `limit` rows out of `limit + 1` that were read. */
export function pageOfRows<Row, Item>(
  rows: readonly Row[],
  limit: number,
  cursor: (row: Row) => string | number,
  item: (row: Row) => Item,
): { items: Item[]; nextCursor: string | null } {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const nextCursor = rows.length > limit && last !== undefined ? String(cursor(last)) : null;
  return { items: shown.map((row) => item(row)), nextCursor };
}
