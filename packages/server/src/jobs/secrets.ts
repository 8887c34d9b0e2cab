/** Secrets that makima hands out: 256 random bits, of which only a SHA-256 is stored. */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

export interface Secret {
  /** Shown once. */
  text: string;
  hash: Buffer;
}

/** A hash without salt is enough: nobody guesses 256 random bits. */
export function newSecret(prefix: string): Secret {
  const text = prefix + randomBytes(32).toString("base64url");
  return { text, hash: hashSecret(text) };
}

export function hashSecret(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/** Compares in a time that does not tell how much is the same. */
export function sameHash(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}

/** What is shown of a key to tell keys apart. */
export function prefixOf(key: string): string {
  return key.slice(0, 9);
}
