/**
 * One numbered stream (the history of a task, the events of an owner) and those who follow it.
 *
 * A follower knows the number it has reached. What is appended is offered to all followers as one batch;
 * whoever is not exactly in front of it reads the database until it is. So nothing is skipped and nothing
 * comes twice, in whatever order commits are told, also when telling failed: the numbers decide.
 */
import { HIGH_WATER } from "./outlet.ts";

export interface Numbered {
  seq: number;
}

export interface Follower<T extends Numbered> {
  readonly closed: boolean;
  buffered(): number;
  drained(): Promise<void>;
  /** `batch` is the same object for all followers that get all of it, so that it can be encoded once. */
  deliver(batch: Batch<T>): void;
  /** Numbers `from` to `to` will not come. */
  gap(from: number, to: number): void;
  /** The follower is live at `seq`; called each time it has caught up. */
  live?(seq: number): void;
}

export interface Batch<T extends Numbered> {
  readonly items: readonly T[];
  encoded?: Buffer;
}

export interface FeedSettings {
  /** Milliseconds in which what is appended is gathered into one batch. */
  gatherMs: number;
  /** A follower that is further behind than this is told a gap instead of all that it missed. */
  mostBehind: number;
}

export const FEED_SETTINGS: FeedSettings = { gatherMs: 8, mostBehind: 5000 };

const PAGE = 200;

export class Feed<T extends Numbered> {
  readonly #read: (after: number, limit: number) => Promise<T[]>;
  readonly #settings: FeedSettings;
  readonly #members = new Map<Follower<T>, Member>();
  #gathered: T[] = [];
  #timer: NodeJS.Timeout | undefined;
  #lastFlush = 0;
  #head: number;

  /** `read` gives what is committed above a number, ascending; `head` is the highest number known. */
  constructor(
    read: (after: number, limit: number) => Promise<T[]>,
    head: number,
    settings: FeedSettings = FEED_SETTINGS,
  ) {
    this.#read = read;
    this.#head = head;
    this.#settings = settings;
  }

  /** The stream is known to go at least this far. */
  reached(head: number): void {
    this.#head = Math.max(this.#head, head);
  }

  /** Items that were committed, ascending. */
  push(items: readonly T[]): void {
    const last = items.at(-1);
    if (!last) return;
    this.#head = Math.max(this.#head, last.seq);
    for (const item of items) this.#gathered.push(item);
    const wait = this.#lastFlush + this.#settings.gatherMs - performance.now();
    this.#timer ??= setTimeout(() => this.#flush(), Math.max(0, wait));
  }

  /** From `after` on. The follower may be joined again with another number. */
  join(follower: Follower<T>, after: number): void {
    const member: Member = { position: after, state: "reading" };
    this.#members.set(follower, member);
    void this.#catchUp(follower, member);
  }

  leave(follower: Follower<T>): void {
    this.#members.delete(follower);
    if (this.#members.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#gathered = [];
  }

  #flush(): void {
    this.#timer = undefined;
    this.#lastFlush = performance.now();
    const items = this.#gathered;
    this.#gathered = [];
    for (const batch of runsOf(items)) {
      for (const [follower, member] of this.#members) this.#offer(follower, member, batch);
    }
  }

  #offer(follower: Follower<T>, member: Member, batch: Batch<T>): void {
    if (member.state !== "live") return;
    const first = batch.items[0]?.seq ?? 0;
    const last = batch.items.at(-1)?.seq ?? 0;
    if (last <= member.position) return;
    if (first > member.position + 1 || follower.buffered() > HIGH_WATER) {
      member.state = "reading";
      void this.#catchUp(follower, member);
      return;
    }
    follower.deliver(first === member.position + 1 ? batch : after(batch.items, member.position));
    member.position = last;
  }

  /** Reads the database until the follower stands at the head; the switch to live has no await in it. */
  async #catchUp(follower: Follower<T>, member: Member): Promise<void> {
    for (let failures = 0; this.#members.get(follower) === member && !follower.closed;) {
      if (follower.buffered() > HIGH_WATER) await follower.drained();
      if (this.#head - member.position > this.#settings.mostBehind) this.#skip(follower, member);
      const told = this.#head;
      let items;
      try {
        items = await this.#read(member.position, PAGE);
        failures = 0;
      } catch {
        failures += 1;
        await new Promise((resolve) => setTimeout(resolve, Math.min(5000, 100 * 2 ** failures)).unref());
        continue;
      }
      if (this.#members.get(follower) !== member || follower.closed) return;
      this.#take(follower, member, items, told);
      if (items.length < PAGE && member.position >= this.#head) {
        member.state = "live";
        follower.live?.(member.position);
        return;
      }
    }
  }

  /** `told`: how far the stream was known to go when the reading began. */
  #take(follower: Follower<T>, member: Member, items: T[], told: number): void {
    const first = items[0];
    const last = items.at(-1);
    if (!first || !last) {
      // Committed before the reading began, yet not there: it was removed since.
      if (told > member.position) this.#gap(follower, member, told);
      return;
    }
    this.#head = Math.max(this.#head, last.seq);
    if (first.seq > member.position + 1) this.#gap(follower, member, first.seq - 1);
    follower.deliver({ items });
    member.position = last.seq;
  }

  /** Leaves out what a slow or late follower would take too long to read; the newest part still comes. */
  #skip(follower: Follower<T>, member: Member): void {
    this.#gap(follower, member, this.#head - Math.min(PAGE, this.#settings.mostBehind));
  }

  #gap(follower: Follower<T>, member: Member, to: number): void {
    follower.gap(member.position + 1, to);
    member.position = to;
  }
}

interface Member {
  position: number;
  state: "reading" | "live";
}

/** Splits where numbers do not follow each other: commits told out of order. */
function runsOf<T extends Numbered>(items: readonly T[]): Batch<T>[] {
  const runs: T[][] = [];
  for (const item of items) {
    const run = runs.at(-1);
    if (run && run.at(-1)?.seq === item.seq - 1) run.push(item);
    else runs.push([item]);
  }
  return runs.map((run) => ({ items: run }));
}

function after<T extends Numbered>(items: readonly T[], position: number): Batch<T> {
  return { items: items.filter((item) => item.seq > position) };
}
