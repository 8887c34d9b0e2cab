/**
 * What a person or agent types becomes an id: the full id, the short id with or without its letter
 * (`c-7f3a`, `7f3a`), or the beginning of either if only one record has it. Always within one owner.
 */
import { sql, type Kysely } from "kysely";
import type { Database } from "./schema.ts";
import type { ShortIdPrefix } from "./ids.ts";

export type Resolved = { found: "one"; id: string } | { found: "none" } | { found: "several"; ids: string[] };

const FULL = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function isUuid(text: string): boolean {
  return FULL.test(text.toLowerCase());
}

/** With `contractId`, only what belongs to that contract is found: a task's key reaches no further. */
export interface Reach {
  ownerId: string;
  contractId?: string | undefined;
}

export function resolveContract(db: Kysely<Database>, reach: Reach, ref: string): Promise<Resolved> {
  return resolve(db, "contract", "c", reach, ref);
}

export function resolveTask(db: Kysely<Database>, reach: Reach, ref: string): Promise<Resolved> {
  return resolve(db, "task", "t", reach, ref);
}

export function resolveQuestion(db: Kysely<Database>, reach: Reach, ref: string): Promise<Resolved> {
  return resolve(db, "question", "q", reach, ref);
}

type Noun = "contract" | "task" | "question";

async function resolve(
  db: Kysely<Database>,
  noun: Noun,
  letter: ShortIdPrefix,
  reach: Reach,
  ref: string,
): Promise<Resolved> {
  const wanted = ref.trim().toLowerCase();
  const full = isUuid(wanted);
  const short = wanted.startsWith(`${letter}-`) ? wanted : `${letter}-${wanted}`;
  const column = sql.ref(noun === "contract" ? "id" : "contract_id");
  const own =
    reach.contractId === undefined
      ? sql`owner_id = ${reach.ownerId}`
      : sql`owner_id = ${reach.ownerId} and ${column} = ${reach.contractId}`;
  const table = sql.table(`makima.${noun}`);
  const range = full ? undefined : uuidRange(wanted);
  const matches = full
    ? sql`id = ${wanted}`
    : sql`(short_id ^@ ${short}${range ? sql` or id between ${range[0]} and ${range[1]}` : sql``})`;
  const { rows } = await sql<{ id: string; exact: boolean }>`
    select id, ${full ? sql`true` : sql`short_id = ${short}`} as exact from ${table}
    where ${own} and ${matches} order by exact desc limit 3`.execute(db);
  const [first] = rows;
  if (!first) return { found: "none" };
  if (first.exact || rows.length === 1) return { found: "one", id: first.id };
  return { found: "several", ids: rows.map((row) => row.id) };
}

/** First and last id that begin with these digits; undefined if no id does. Fewer than six are no beginning. */
function uuidRange(text: string): [string, string] | undefined {
  const digits = text.replaceAll("-", "");
  if (!/^[0-9a-f]{6,32}$/.test(digits)) return undefined;
  const dashed = (hex: string) => hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  return [dashed(digits.padEnd(32, "0")), dashed(digits.padEnd(32, "f"))];
}
