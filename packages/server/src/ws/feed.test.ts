import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import * as fc from "fast-check";
import { Feed, type Batch, type Follower, type Numbered } from "./feed.ts";
import { HIGH_WATER } from "./outlet.ts";

const SETTINGS = { gatherMs: 0, mostBehind: 50 };

/** Remembers what it was sent; `slow` makes it look like a client that does not read. */
class Reader implements Follower<Numbered> {
  closed = false;
  slow = false;
  seen: number[] = [];
  gaps: [number, number][] = [];
  batches: Batch<Numbered>[] = [];
  #wake: (() => void)[] = [];
  #until: [number, () => void][] = [];

  get position(): number {
    return Math.max(this.seen.at(-1) ?? 0, this.gaps.at(-1)?.[1] ?? 0);
  }
  buffered(): number {
    return this.slow ? HIGH_WATER + 1 : 0;
  }
  drained(): Promise<void> {
    return this.slow ? new Promise((resolve) => this.#wake.push(resolve)) : Promise.resolve();
  }
  deliver(batch: Batch<Numbered>): void {
    this.batches.push(batch);
    this.seen.push(...batch.items.map(({ seq }) => seq));
    this.#check();
  }
  gap(from: number, to: number): void {
    this.gaps.push([from, to]);
    this.#check();
  }
  read(): void {
    this.slow = false;
    for (const wake of this.#wake.splice(0)) wake();
  }
  reached(seq: number): Promise<void> {
    return new Promise((resolve) => {
      this.#until.push([seq, resolve]);
      this.#check();
    });
  }
  #check(): void {
    this.#until = this.#until.filter(([seq, resolve]) => {
      if (this.position < seq) return true;
      resolve();
      return false;
    });
  }
}

/** A table whose rows are committed by `commit` and told by `tell`, in any order. */
function table() {
  let rows: Numbered[] = [];
  return {
    commit: (upTo: number) => {
      for (let seq = (rows.at(-1)?.seq ?? 0) + 1; seq <= upTo; seq += 1) rows.push({ seq });
    },
    rows: (from: number, to: number) => rows.filter(({ seq }) => seq >= from && seq <= to),
    forget: (upTo: number) => {
      rows = rows.filter(({ seq }) => seq > upTo);
    },
    read: async (after: number, limit: number) => {
      const found = rows.filter(({ seq }) => seq > after).slice(0, limit);
      await turn();
      return found;
    },
  };
}

const upTo = (last: number) => Array.from({ length: last }, (_, at) => at + 1);

test("a follower gets what is stored, then what is appended, without gap or double", async () => {
  const stored = table();
  stored.commit(10);
  const feed = new Feed(stored.read, 10, SETTINGS);
  const reader = new Reader();
  feed.join(reader, 0);
  stored.commit(12);
  feed.push(stored.rows(11, 12));
  await reader.reached(12);
  stored.commit(13);
  feed.push(stored.rows(13, 13));
  await reader.reached(13);
  assert.deepEqual(reader.seen, upTo(13));
  assert.deepEqual(reader.gaps, []);
});

test("whatever the order in which commits are told, every follower sees each number once and in order", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.constantFrom("tell", "late", "lose")), {
        maxLength: 12,
      }),
      fc.integer({ min: 0, max: 5 }),
      async (appends, after) => {
        const stored = table();
        const feed = new Feed(stored.read, 0, SETTINGS);
        const reader = new Reader();
        feed.join(reader, after);
        const late: Numbered[][] = [];
        let last = 0;
        for (const [size, how] of appends) {
          stored.commit(last + size);
          const rows = stored.rows(last + 1, last + size);
          last += size;
          if (how === "tell") feed.push(rows);
          if (how === "late") late.push(rows);
          await turn();
        }
        for (const rows of late.toReversed()) feed.push(rows);
        // The last one told makes up for all that were lost.
        stored.commit((last += 1));
        feed.push(stored.rows(last, last));
        if (last > after) await reader.reached(last);
        assert.deepEqual(reader.seen, upTo(last).slice(after));
        assert.deepEqual(reader.gaps, []);
      },
    ),
    { numRuns: 200 },
  );
});

test("followers who are all in front of a batch get the same object, so that it is encoded once", async () => {
  const stored = table();
  const feed = new Feed(stored.read, 0, SETTINGS);
  const readers = [new Reader(), new Reader(), new Reader()];
  for (const reader of readers) feed.join(reader, 0);
  await turn();
  await turn();
  stored.commit(3);
  feed.push(stored.rows(1, 3));
  await Promise.all(readers.map((reader) => reader.reached(3)));
  const [first] = readers.map(({ batches }) => batches[0]);
  for (const { batches } of readers) assert.equal(batches[0], first);
});

test("a slow follower is told a gap when it reads again, and the others never wait for it", async () => {
  const stored = table();
  const feed = new Feed(stored.read, 0, SETTINGS);
  const slow = new Reader();
  const quick = new Reader();
  feed.join(slow, 0);
  feed.join(quick, 0);
  await turn();
  await turn();
  slow.slow = true;
  for (let last = 1; last <= 400; last += 1) {
    stored.commit(last);
    feed.push(stored.rows(last, last));
    if (last % 20 === 0) await quick.reached(last);
  }
  assert.deepEqual(quick.seen, upTo(400));
  assert.deepEqual(slow.seen, []);
  slow.read();
  await slow.reached(400);
  assert.equal(slow.gaps.length, 1);
  const [from, to] = slow.gaps[0] ?? [0, 0];
  assert.equal(from, 1);
  assert.deepEqual(slow.seen, upTo(400).slice(to));
});

test("what was removed since is told as a gap", async () => {
  const stored = table();
  stored.commit(20);
  stored.forget(5);
  const feed = new Feed(stored.read, 20, SETTINGS);
  const reader = new Reader();
  feed.join(reader, 2);
  await reader.reached(20);
  assert.deepEqual(reader.gaps, [[3, 5]]);
  assert.deepEqual(reader.seen, upTo(20).slice(5));
});

test("a database that fails is asked again until it answers", async () => {
  const stored = table();
  stored.commit(3);
  let failures = 2;
  const feed = new Feed(
    (after, limit) => (failures-- > 0 ? Promise.reject(new Error("away")) : stored.read(after, limit)),
    3,
    SETTINGS,
  );
  const reader = new Reader();
  feed.join(reader, 0);
  await reader.reached(3);
  assert.deepEqual(reader.seen, [1, 2, 3]);
});

test("a follower that has left gets nothing more", async () => {
  const stored = table();
  const feed = new Feed(stored.read, 0, SETTINGS);
  const gone = new Reader();
  const stays = new Reader();
  feed.join(gone, 0);
  feed.join(stays, 0);
  await turn();
  await turn();
  feed.leave(gone);
  stored.commit(1);
  feed.push(stored.rows(1, 1));
  await stays.reached(1);
  assert.deepEqual(gone.seen, []);
});
