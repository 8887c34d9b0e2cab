/**
 * A journal that cannot be written because the disk is full. What is in it stays; who could not write waits here
 * until there is room again, and then goes on from what the journal holds.
 */
import type { Logger } from "pino";
import { transaction, type Journal } from "./open.ts";

/** SQLite's "database or disk is full". Extended codes hold the plain one in their lowest byte. */
const SQLITE_FULL = 13;
const TRY_AGAIN_MS = 5000;
/** Written on trial and taken back: room for one line would only be used up at once. */
const TRIAL_BYTES = 256 * 1024;

/** Whether this is a journal that had no room for what was to be written. */
export function isJournalFull(error: unknown): boolean {
  const code = (error as { errcode?: unknown } | null)?.errcode;
  return typeof code === "number" && (code & 0xff) === SQLITE_FULL;
}

export class JournalRoom {
  readonly #journal: Journal;
  readonly #log: Logger;
  readonly #tryAgainMs: number;
  #waiting: Promise<void> | undefined;
  #closed = false;
  #stop: (() => void) | undefined;

  constructor(journal: Journal, log: Logger, tryAgainMs = TRY_AGAIN_MS) {
    this.#journal = journal;
    this.#log = log;
    this.#tryAgainMs = tryAgainMs;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Resolves when the journal can be written again, for all who wait at once, or when the daemon stops. */
  wait(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    if (!this.#waiting) {
      this.#log.error(
        "the journal cannot be written because the disk is full; agents are stopped and what they wrote is kept. Free some disk space: makima tries again every few seconds and goes on by itself",
      );
      this.#waiting = this.#tryUntilRoom().finally(() => (this.#waiting = undefined));
    }
    return this.#waiting;
  }

  /** The daemon stops: nobody waits any more. */
  close(): void {
    this.#closed = true;
    this.#stop?.();
  }

  async #tryUntilRoom(): Promise<void> {
    while (!this.#closed) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, this.#tryAgainMs);
        this.#stop = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      if (!this.#closed && this.#hasRoom()) {
        this.#log.info("the journal can be written again");
        return;
      }
    }
  }

  #hasRoom(): boolean {
    const { state } = this.#journal;
    try {
      transaction(state, () =>
        state
          .prepare("insert or replace into meta (key, value) values ('trial', ?)")
          .run("x".repeat(TRIAL_BYTES)),
      );
      transaction(state, () => state.prepare("delete from meta where key = 'trial'").run());
      return true;
    } catch (error) {
      if (!isJournalFull(error)) throw error;
      return false;
    }
  }
}
