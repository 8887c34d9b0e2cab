/** Ids: UUIDs that grow with time, and short forms for people. */
import { randomBytes } from "node:crypto";
import { v7 } from "uuid";
import { violatedUnique } from "./store-error.ts";

/** A new id. Ids of one process sort by the time they were made. */
export function newId(): string {
  return v7();
}

/** 32 characters that are hard to mistake for each other. */
const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";

export type ShortIdPrefix = "c" | "t" | "q";

/** Letters that a short id gets at each try: longer once collisions show that an owner has many. */
const LENGTHS = [4, 4, 5, 6, 8, 10, 12] as const;

export function newShortId(prefix: ShortIdPrefix, tries: number): string {
  const length = LENGTHS[Math.min(tries, LENGTHS.length - 1)] ?? 12;
  const letters = Array.from(randomBytes(length), (byte) => ALPHABET[byte & 31]);
  return `${prefix}-${letters.join("")}`;
}

/** Runs `work` again, with a higher count, while a short id that it made is taken. */
export async function withShortIds<T>(work: (tries: number) => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await work(tries);
    } catch (error) {
      if (tries + 1 >= LENGTHS.length || !violatedUnique(error)?.includes("short_id")) throw error;
    }
  }
}
