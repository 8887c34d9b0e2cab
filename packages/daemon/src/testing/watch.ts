/** Something to wait for: a condition that is looked at whenever something happened. No sleeps. */
const PATIENCE_MS = 30_000;

interface Waiting {
  look: () => boolean;
}

export class Watch {
  readonly #waiting = new Set<Waiting>();

  /** Something happened: those who wait look again. */
  look(): void {
    for (const one of this.#waiting) if (one.look()) this.#waiting.delete(one);
  }

  /** Resolves with what `find` finds as soon as that is something; fails with what is known after a long time. */
  until<T>(what: string, find: () => T | undefined | false, patienceMs = PATIENCE_MS): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const look = () => {
      const found = find();
      if (found === undefined || found === false) return false;
      clearTimeout(timer);
      resolve(found);
      return true;
    };
    const waiting = { look };
    const timer = setTimeout(() => {
      this.#waiting.delete(waiting);
      reject(new Error(`Waited in vain for ${what}. What there is:\n${this.describe()}`));
    }, patienceMs);
    if (!look()) this.#waiting.add(waiting);
    return promise;
  }

  describe(): string {
    return "";
  }
}
