/** Named timers of one thing, each at most once. */
import type { Clock } from "./clock.ts";

export interface Timers<Name extends string> {
  /** Starts the timer anew. */
  set(name: Name, ms: number, then: () => void): void;
  /** Whether it runs. */
  has(name: Name): boolean;
  clear(name: Name): void;
  clearAll(): void;
}

export function createTimers<Name extends string>(clock: Clock): Timers<Name> {
  const running = new Map<Name, () => void>();
  function clear(name: Name): void {
    running.get(name)?.();
    running.delete(name);
  }
  return {
    set(name, ms, then) {
      clear(name);
      const cancel = clock.after(ms, () => {
        running.delete(name);
        then();
      });
      running.set(name, cancel);
    },
    has: (name) => running.has(name),
    clear,
    clearAll: () => [...running.keys()].forEach(clear),
  };
}
