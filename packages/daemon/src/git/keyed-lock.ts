/** One at a time per key, in order of asking, within one process. */
export class KeyedLock {
  readonly #tails = new Map<string, Promise<unknown>>();

  /** Runs `work` when all earlier work of the key has ended. An abort while waiting gives up the place. */
  async run<T>(key: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const release = await this.acquire(key, signal);
    try {
      return await work();
    } finally {
      release();
    }
  }

  /** Waits for the turn and returns what ends it. The caller must call that, once or more often. */
  async acquire(key: string, signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted();
    const before = this.#tails.get(key);
    const { promise, resolve: release } = Promise.withResolvers<void>();
    const tail = (before ?? Promise.resolve()).then(() => promise);
    this.#tails.set(key, tail);
    void this.#forget(key, tail);
    try {
      await waitFor(before, signal);
    } catch (error) {
      release();
      throw error;
    }
    return release;
  }

  async #forget(key: string, tail: Promise<unknown>): Promise<void> {
    await tail;
    if (this.#tails.get(key) === tail) this.#tails.delete(key);
  }
}

async function waitFor(before: Promise<unknown> | undefined, signal: AbortSignal | undefined): Promise<void> {
  if (before === undefined) return;
  if (signal === undefined) {
    await before;
    return;
  }
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason as Error);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await Promise.race([before, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
