import assert from "node:assert/strict";
import { test } from "node:test";
import { createStartGate, type StartPermit } from "./start-gate.ts";
import { manualClock } from "./testing/manual-clock.ts";

/** Lets everything that can happen now happen. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

test("only so many start at a time, in the order in which they came", async () => {
  const gate = createStartGate(2, 1000, manualClock());
  const entered: number[] = [];
  const permits: StartPermit[] = [];
  const enter = async (n: number) => {
    permits.push(await gate.enter());
    entered.push(n);
  };
  const all = [0, 1, 2, 3].map(enter);
  await settle();
  assert.deepEqual([entered, gate.waiting], [[0, 1], 2]);
  permits[0]?.release();
  permits[0]?.release();
  await settle();
  assert.deepEqual([entered, gate.waiting], [[0, 1, 2], 1]);
  permits[1]?.release();
  await Promise.all(all);
  assert.deepEqual(entered, [0, 1, 2, 3]);
});

test("a permit that nobody releases ends by itself", async () => {
  const clock = manualClock();
  const gate = createStartGate(1, 1000, clock);
  await gate.enter();
  let entered = false;
  const second = gate.enter().then(() => (entered = true));
  clock.advance(999);
  await settle();
  assert.equal(entered, false);
  clock.advance(1);
  await second;
});

test("who no longer waits is left out", async () => {
  const gate = createStartGate(1, 1000, manualClock());
  const first = await gate.enter();
  const leaving = new AbortController();
  const gone = gate.enter(leaving.signal);
  const third = gate.enter();
  leaving.abort(new Error("not any more"));
  await assert.rejects(gone, /not any more/);
  first.release();
  await third;
  await assert.rejects(gate.enter(AbortSignal.abort(new Error("too late"))), /too late/);
});
