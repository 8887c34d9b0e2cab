/** Pieces that several routes share. */
import { z } from "zod";

/** A full id, a short id (`c-7f3a`) or an unambiguous beginning of one. */
export const idParams = z.object({ id: z.string().min(1).max(100) });

export const pageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(500).default(50),
  /** Cursor from the page before (`nextCursor`). */
  after: z.string().max(500).optional(),
});

export function pageOf<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item), nextCursor: z.string().nullable() });
}

export const instant = z.iso.datetime();

/** Text that people and agents write; 1 MiB of a goal is a mistake, not a goal. */
export const MAX_TEXT_BYTES = 256 * 1024;

export const name = z.string().trim().min(1, "must not be empty").max(200);
export const text = z.string().max(MAX_TEXT_BYTES, `must be at most ${MAX_TEXT_BYTES} characters`);
