/**
 * Lets few agents start at a time.
 *
 * Ten agents that start at once on two cores take ten seconds each; one after the other, each is quick.
 */
import { systemClock, type Clock } from "./clock.ts";

export interface StartPermit {
  /** The start is over: first output came, or the process ended. May be called twice. */
  release(): void;
}

export interface StartGate {
  /** Waits for its turn, first come, first served; rejects with the signal's reason when aborted. */
  enter(signal?: AbortSignal): Promise<StartPermit>;
  /** How many wait. */
  readonly waiting: number;
}

/** At most `starts` at a time; a permit that nobody releases ends by itself after `holdMs`. */
export function createStartGate(starts: number, holdMs = 15_000, clock: Clock = systemClock): StartGate {
  const queue: (() => void)[] = [];
  let free = starts;

  function grant(): StartPermit {
    free -= 1;
    let held = true;
    const release = () => {
      if (!held) return;
      held = false;
      cancel();
      free += 1;
      queue.shift()?.();
    };
    const cancel = clock.after(holdMs, release);
    return { release };
  }

  return {
    get waiting() {
      return queue.length;
    },
    async enter(signal) {
      signal?.throwIfAborted();
      if (free > 0) return grant();
      return new Promise((resolve, reject) => {
        const next = () => {
          signal?.removeEventListener("abort", leave);
          resolve(grant());
        };
        const leave = () => {
          queue.splice(queue.indexOf(next), 1);
          reject(signal?.reason);
        };
        signal?.addEventListener("abort", leave, { once: true });
        queue.push(next);
      });
    },
  };
}
