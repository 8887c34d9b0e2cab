import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { Command } from "@makima/protocol/daemon-wire";
import { CommandLine } from "./daemon-commands.ts";

async function settle() {
  for (let turns = 0; turns < 20; turns += 1) await turn();
}

function start(stored: number, received = 0, size = 10) {
  const rows = Array.from({ length: stored }, (_, at) => at + 1);
  const frames: { first: number; count: number }[] = [];
  const forgotten: number[] = [];
  const line = new CommandLine({
    received,
    read: async (after, limit) =>
      rows
        .filter((seq) => seq > after)
        .slice(0, limit)
        .map((seq) => ({ seq, command: { type: "startLogin", agent: "x".repeat(size) } satisfies Command })),
    acknowledge: async (upTo) => void forgotten.push(upTo),
    send: (text) => {
      assert.ok(text.length < 4 * 1024 * 1024);
      const frame = JSON.parse(text) as { first: number; items: unknown[] };
      frames.push({ first: frame.first, count: frame.items.length });
    },
    failed: (error) => assert.fail(String(error)),
  });
  const sent = () => frames.reduce((sum, { count }) => sum + count, 0);
  return { line, rows, frames, forgotten, sent };
}

test("commands go out in order, from what the daemon has, and no more than a window of them", async () => {
  const { line, frames, sent } = start(200, 3);
  line.pump();
  await settle();
  assert.equal(frames[0]?.first, 4);
  assert.equal(sent(), 64);
  assert.equal(line.acknowledged(67), true);
  await settle();
  assert.equal(sent(), 128);
  let next = 4;
  for (const { first, count } of frames) {
    assert.equal(first, next);
    next += count;
  }
});

test("what is acknowledged is forgotten; what was never sent cannot be", async () => {
  const { line, forgotten } = start(5);
  line.pump();
  await settle();
  assert.equal(line.acknowledged(5), true);
  assert.equal(line.acknowledged(6), false);
  await settle();
  assert.deepEqual(forgotten, [5]);
});

test("large commands are spread over frames", async () => {
  const { line, frames, sent } = start(10, 0, 400 * 1024);
  line.pump();
  await settle();
  assert.equal(sent(), 10);
  assert.ok(frames.length >= 5);
});

test("a signal that comes while the line looks makes it look once more", async () => {
  const { line, rows, sent } = start(1);
  line.pump();
  rows.push(2);
  line.pump();
  await settle();
  assert.equal(sent(), 2);
});

test("a closed line sends nothing", async () => {
  const { line, sent } = start(5);
  line.close();
  line.pump();
  await settle();
  assert.equal(sent(), 0);
});
