/**
 * When a usage limit ends, read from the sentence in which an agent says so.
 *
 * "resets 12:36am (UTC)", "resets Oct 6, 1pm (UTC)", "resets in 2h 13m", "…|1795221380". It is the second
 * best source (the best is a number on the wire), so that what is not certain is not guessed: a clock time
 * in a zone other than UTC is no answer.
 */

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

const EPOCH = /\|(\d{10})(?:\d{3})?\b/;
const SPAN =
  /\bresets? in\s+(?:(\d{1,3})\s?d\w{0,3}\s?)?(?:(\d{1,3})\s?h\w{0,4}\s?)?(?:(\d{1,4})\s?m\w{0,6})?/i;
const CLOCK =
  /\bresets?(?: at| on)?\s+(?:([a-z]{3})[a-z]{0,6}\s+(\d{1,2})(?:,| at|,? at)?\s+)?(\d{1,2})(?::(\d\d))?\s?(am|pm)?\s*\((?:utc|gmt|etc\/utc)\)/i;

/** Epoch milliseconds of the reset that `text` names, or undefined. `now` is in epoch milliseconds. */
export function resetTimeIn(text: string, now: number): number | undefined {
  const epoch = EPOCH.exec(text);
  if (epoch) return Number(epoch[1]) * 1000;
  const span = SPAN.exec(text);
  if (span && (span[1] ?? span[2] ?? span[3])) {
    const minutes = Number(span[1] ?? 0) * 1440 + Number(span[2] ?? 0) * 60 + Number(span[3] ?? 0);
    return now + minutes * MINUTE;
  }
  const clock = CLOCK.exec(text);
  return clock ? fromClock(clock, now) : undefined;
}

function fromClock(clock: RegExpExecArray, now: number): number | undefined {
  let hour = Number(clock[3]);
  const minute = Number(clock[4] ?? 0);
  const half = clock[5]?.toLowerCase();
  if (minute > 59 || hour > (half ? 12 : 23) || (half !== undefined && hour === 0)) return undefined;
  if (half) hour = (hour % 12) + (half === "pm" ? 12 : 0);
  const ofDay = (hour * 60 + minute) * MINUTE;
  const today = Math.floor(now / DAY) * DAY;
  if (clock[1] === undefined) return today + ofDay >= now ? today + ofDay : today + DAY + ofDay;

  const month = MONTHS.indexOf(clock[1].toLowerCase());
  const day = Number(clock[2]);
  if (month < 0 || day < 1 || day > 31) return undefined;
  const year = yearOf(now);
  const at = daysBefore(year, month + 1, day) * DAY + ofDay;
  // No year is said: a date well past is next year's.
  return at >= now - 180 * DAY ? at : daysBefore(year + 1, month + 1, day) * DAY + ofDay;
}

/** Days from 1970-01-01 to a date of the Gregorian calendar (Howard Hinnant's `days_from_civil`). */
function daysBefore(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

function yearOf(now: number): number {
  let year = 1970 + Math.floor(now / (365.2425 * DAY));
  if (daysBefore(year + 1, 1, 1) * DAY <= now) year += 1;
  if (daysBefore(year, 1, 1) * DAY > now) year -= 1;
  return year;
}
