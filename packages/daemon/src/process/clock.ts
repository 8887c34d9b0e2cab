/** Time as an argument, so that tests move it and nothing waits for real. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /** Calls `then` once after `ms` milliseconds; the returned function takes it back. */
  after(ms: number, then: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, then) {
    const timer = setTimeout(then, ms);
    return () => clearTimeout(timer);
  },
};

/** Whether `event` settles within `ms` milliseconds. Its failure counts as having come. */
export function within(event: Promise<unknown>, ms: number, clock: Clock = systemClock): Promise<boolean> {
  return new Promise((resolve) => {
    const cancel = clock.after(ms, () => resolve(false));
    const came = () => {
      cancel();
      resolve(true);
    };
    event.then(came, came);
  });
}
