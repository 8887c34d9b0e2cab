/** Values of flags. Each throws what commander reports as a usage error, with what it takes. */
import { InvalidArgumentError } from "commander";

/** A whole number from `min` to `max`. */
export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const n = Number(text);
    if (!/^\d+$/.test(text) || n < min || n > max) {
      throw new InvalidArgumentError(
        max === Number.MAX_SAFE_INTEGER
          ? `Give a whole number from ${min} on.`
          : `Give a whole number from ${min} to ${max}.`,
      );
    }
    return n;
  };
}

/** A number above 0, at most `max`. */
export function positiveNumber(max: number): (text: string) => number {
  return (text) => {
    const n = Number(text);
    if (text.trim() === "" || !Number.isFinite(n) || n <= 0 || n > max) {
      throw new InvalidArgumentError(`Give a number above 0, at most ${max}.`);
    }
    return n;
  };
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90`, `90s`, `20m`, `1h30m`: milliseconds; a bare number is seconds. */
export function durationMs(text: string): number {
  const trimmed = text.trim();
  if (/^\d+(?:\.\d+)?$/.test(trimmed) && Number(trimmed) > 0) return Number(trimmed) * 1000;
  if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/.test(trimmed)) throw notADuration();
  let total = 0;
  for (const [, n, unit] of trimmed.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    total += Number(n) * (UNITS[unit ?? ""] ?? 0);
  }
  if (total <= 0 || total > 24 * 86_400_000) throw notADuration();
  return total;
}

function notADuration(): InvalidArgumentError {
  return new InvalidArgumentError("Give a duration such as 90s, 20m or 1h30m, at most 24d.");
}
