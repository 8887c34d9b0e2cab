import assert from "node:assert/strict";
import { test } from "node:test";
import { pino } from "pino";
import { startTicker } from "./ticker.ts";

const log = pino({ level: "silent" });

test("calls during a run make exactly one more, and none is missed at its end", async () => {
  let runs = 0;
  let ticker: ReturnType<typeof startTicker> | undefined;
  const done = Promise.withResolvers<void>();
  ticker = startTicker("test", log, async () => {
    runs += 1;
    if (runs === 1) for (let n = 0; n < 5; n += 1) ticker?.kick();
    // Called in the very turn in which the run ends.
    if (runs === 2) void Promise.resolve().then(() => ticker?.kick());
    if (runs === 3) done.resolve();
    return undefined;
  });
  ticker.kick();
  await done.promise;
  await ticker[Symbol.asyncDispose]();
  assert.equal(runs, 3);
});

test("it runs again at the time that it said, sooner when it is told, and after an error", async () => {
  const waits: (number | undefined | Error)[] = [5, new Error("x"), 60_000, undefined];
  const done = Promise.withResolvers<void>();
  let runs = 0;
  await using ticker = startTicker("test", log, async () => {
    runs += 1;
    const next = waits.shift();
    if (next instanceof Error) throw next;
    if (runs === 3) queueMicrotask(() => setImmediate(() => ticker.within(1)));
    if (runs === 4) done.resolve();
    return next;
  });
  ticker.kick();
  await done.promise;
  assert.equal(runs, 4);
});

test("closing waits for the run that is on its way and begins no other", async () => {
  let runs = 0;
  const gate = Promise.withResolvers<void>();
  const ticker = startTicker("test", log, async () => {
    runs += 1;
    await gate.promise;
    return 1;
  });
  ticker.kick();
  ticker.kick();
  const closing = ticker[Symbol.asyncDispose]();
  gate.resolve();
  await closing;
  ticker.kick();
  assert.equal(runs, 1);
});
