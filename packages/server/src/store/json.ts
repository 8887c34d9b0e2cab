/** JSON as PostgreSQL takes it. */

/** An escape that jsonb or text refuses: NUL, or half of a surrogate pair. May also match what is harmless. */
const SUSPECT = /\\u0000|\\ud[89a-f]/i;

/**
 * JSON text of `value` that PostgreSQL stores without complaint: agents write NUL and halves of characters.
 * NUL becomes its visible picture (U+2400), a lone surrogate the replacement character.
 */
export function toJson(value: unknown): string {
  const text = JSON.stringify(value) ?? "null";
  return SUSPECT.test(text) ? JSON.stringify(cleaned(value)) : text;
}

/** Text that PostgreSQL stores without complaint. */
export function storable(text: string): string {
  return text.toWellFormed().replaceAll("\0", "\u2400");
}

function cleaned(value: unknown): unknown {
  if (typeof value === "string") return storable(value);
  if (Array.isArray(value)) return value.map(cleaned);
  if (typeof value !== "object" || value === null) return value;
  if ("toJSON" in value) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [storable(key), cleaned(inner)]));
}
