/**
 * Reports of one daemon on their way into the database: strictly in order, one transaction at a time,
 * acknowledged after it is committed. While too much waits, the socket is not read.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { MAX_BATCH_BYTES, type Report } from "@makima/protocol/daemon-wire";
import { isUnreachable } from "../store/store-error.ts";

export interface ReportLineOptions {
  /** Commits reports `first`, `first + 1`, …; resolves to the highest number stored. */
  apply(first: number, items: Report[]): Promise<number>;
  stored(upTo: number): void;
  /** Stop reading the socket, or go on. */
  hold(on: boolean): void;
  /** The reports cannot be taken in; the connection is of no use. */
  failed(error: unknown): void;
}

interface Waiting {
  first: number;
  items: Report[];
  bytes: number;
}

/** Bytes of JSON that may wait before the socket is held. */
const MOST_BYTES = 4 * MAX_BATCH_BYTES;
/** Reports of one transaction. */
const MOST_ITEMS = 2000;

export class ReportLine {
  readonly #options: ReportLineOptions;
  #waiting: Waiting[] = [];
  #bytes = 0;
  #held = false;
  readonly #ending = new AbortController();
  #working: Promise<void> | undefined;

  constructor(options: ReportLineOptions) {
    this.#options = options;
  }

  take(first: number, items: Report[], bytes: number): void {
    if (this.#ending.signal.aborted) return;
    this.#waiting.push({ first, items, bytes });
    this.#bytes += bytes;
    this.#hold(this.#bytes > MOST_BYTES);
    this.#working ??= this.#work();
  }

  /** Takes nothing more; resolves when the transaction that runs has ended. */
  async close(): Promise<void> {
    this.#ending.abort();
    this.#waiting = [];
    await this.#working;
  }

  async #work(): Promise<void> {
    try {
      for (let batch = this.#next(); batch && !this.#ending.signal.aborted; batch = this.#next()) {
        const upTo = await this.#apply(batch);
        if (upTo !== undefined) this.#options.stored(upTo);
        this.#bytes -= batch.bytes;
        this.#hold(this.#bytes > MOST_BYTES / 2 && this.#held);
      }
    } catch (error) {
      this.#ending.abort();
      this.#options.failed(error);
    } finally {
      this.#working = undefined;
    }
  }

  /** What waits and follows without a hole, as one transaction. */
  #next(): Waiting | undefined {
    const batch = this.#waiting.shift();
    if (!batch) return undefined;
    for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
      const follows = next.first === batch.first + batch.items.length;
      const fits =
        batch.bytes + next.bytes <= MAX_BATCH_BYTES && batch.items.length + next.items.length <= MOST_ITEMS;
      if (!follows || !fits) break;
      batch.items = [...batch.items, ...next.items];
      batch.bytes += next.bytes;
      this.#waiting.shift();
    }
    return batch;
  }

  /** An absent database is waited for; the daemon keeps what it has not heard of. Undefined when closed. */
  async #apply(batch: Waiting): Promise<number | undefined> {
    for (let failures = 0; !this.#ending.signal.aborted; failures += 1) {
      try {
        return await this.#options.apply(batch.first, batch.items);
      } catch (error) {
        if (!isUnreachable(error)) throw error;
        await sleep(Math.min(5000, 100 * 2 ** failures), undefined, { signal: this.#ending.signal }).catch(
          () => undefined,
        );
      }
    }
    return undefined;
  }

  #hold(on: boolean): void {
    if (on === this.#held) return;
    this.#held = on;
    this.#options.hold(on);
  }
}
