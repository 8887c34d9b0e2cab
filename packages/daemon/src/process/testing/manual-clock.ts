/** A clock that stands still until a test moves it. */
import type { Clock } from "../clock.ts";

export interface ManualClock extends Clock {
  /** Moves time on and calls what became due, in order. */
  advance(ms: number): void;
  /** How many calls wait. */
  readonly waiting: number;
}

export function manualClock(start = 0): ManualClock {
  let now = start;
  const due = new Set<{ at: number; call: () => void }>();
  return {
    now: () => now,
    after(ms, then) {
      const entry = { at: now + ms, call: then };
      due.add(entry);
      return () => due.delete(entry);
    },
    advance(ms) {
      const until = now + ms;
      for (;;) {
        const next = [...due].filter((entry) => entry.at <= until).sort((a, b) => a.at - b.at)[0];
        if (!next) break;
        due.delete(next);
        now = next.at;
        next.call();
      }
      now = until;
    },
    get waiting() {
      return due.size;
    },
  };
}
