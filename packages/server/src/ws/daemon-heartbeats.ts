/** Heartbeats of one daemon: one renewal at a time, and of those that came meanwhile only the newest. */

export class HeartbeatLine<T> {
  readonly #renew: (beat: T) => Promise<void>;
  readonly #failed: (error: unknown) => void;
  #next: T | undefined;
  #busy = false;

  constructor(renew: (beat: T) => Promise<void>, failed: (error: unknown) => void) {
    this.#renew = renew;
    this.#failed = failed;
  }

  take(beat: T): void {
    this.#next = beat;
    if (!this.#busy) void this.#work();
  }

  async #work(): Promise<void> {
    this.#busy = true;
    try {
      for (let beat = this.#next; beat !== undefined; beat = this.#next) {
        this.#next = undefined;
        await this.#renew(beat);
      }
    } catch (error) {
      // The next heartbeat tries again; the lease allows for a few that are missed.
      this.#failed(error);
    } finally {
      this.#busy = false;
    }
  }
}
