import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import {
  chooseDaemon,
  misfit,
  orderTasks,
  whyWaiting,
  type DaemonCandidate,
  type PlacementAsk,
  type QueuedTask,
} from "./placement.ts";

const daemon = (id: string, rest: Partial<DaemonCandidate> = {}): DaemonCandidate => ({
  id,
  name: id,
  hostname: "laptop",
  connected: true,
  draining: false,
  freeSlots: 2,
  labels: [],
  agents: ["claude"],
  ...rest,
});
const task = (id: string, contractId: string, createdAt: number, priority = 0): QueuedTask => ({
  id,
  contractId,
  createdAt,
  priority,
});
const ASK: PlacementAsk = { agent: "claude", labels: [] };

describe("placement", () => {
  const misfits: [string, Partial<DaemonCandidate>, Partial<PlacementAsk>][] = [
    ["is not connected", { connected: false }, {}],
    ["is another host", {}, { host: "gpu-box" }],
    ["lacks label gpu", { labels: ["arm"] }, { labels: ["arm", "gpu"] }],
    ["lacks labels gpu, big", {}, { labels: ["gpu", "big"] }],
    ["has no agent codex", {}, { agent: "codex" }],
    ["is draining", { draining: true }, {}],
    ["has no free slot", { freeSlots: 0 }, {}],
  ];
  for (const [why, candidate, ask] of misfits) {
    it(`leaves out a daemon that ${why}`, () => {
      assert.equal(misfit({ ...ASK, ...ask }, daemon("a", candidate)), why);
      assert.equal(chooseDaemon({ ...ASK, ...ask }, [daemon("a", candidate)]), undefined);
    });
  }

  it("prefers the daemon with the worktree, then the one with most room", () => {
    const all = [daemon("a"), daemon("b", { freeSlots: 4 }), daemon("c")];
    assert.equal(chooseDaemon(ASK, all)?.id, "b");
    assert.equal(chooseDaemon({ ...ASK, prefer: "c" }, all)?.id, "c");
    assert.equal(chooseDaemon({ ...ASK, prefer: "gone" }, all)?.id, "b");
  });

  it("says what is asked for and what is connected", () => {
    const all = [daemon("a", { freeSlots: 0 }), daemon("b"), daemon("off", { connected: false })];
    assert.equal(
      whyWaiting({ ...ASK, labels: ["gpu"] }, all),
      "Needs agent claude, labels gpu; connected: a lacks label gpu, b lacks label gpu",
    );
    assert.match(
      whyWaiting(ASK, [daemon("off", { connected: false })]),
      /no daemon is connected. Start one with/,
    );
  });

  it("orders by priority, then contracts in turn, then age", () => {
    const tasks = [
      task("a1", "a", 1),
      task("a2", "a", 2),
      task("a3", "a", 3),
      task("b1", "b", 4),
      task("c1", "c", 9, 5),
    ];
    const ids = (running = {}) => orderTasks(tasks, running).map((each) => each.id);
    assert.deepEqual(ids(), ["c1", "a1", "b1", "a2", "a3"]);
    assert.deepEqual(ids({ a: 3 }), ["c1", "b1", "a1", "a2", "a3"]);
  });

  it("never lets one contract go first twice while another of the same priority waits", () => {
    const task = fc.record({
      id: fc.uuid(),
      contractId: fc.constantFrom("a", "b", "c"),
      priority: fc.constant(0),
      createdAt: fc.nat(),
    });
    fc.assert(
      fc.property(fc.array(task, { maxLength: 40 }), (tasks) => {
        const order = orderTasks(tasks);
        assert.deepEqual(new Set(order), new Set(tasks));
        const placed = new Map<string, number>();
        for (const [at, each] of order.entries()) {
          const mine = placed.get(each.contractId) ?? 0;
          for (const waiting of order.slice(at + 1)) assert.ok(mine <= (placed.get(waiting.contractId) ?? 0));
          placed.set(each.contractId, mine + 1);
        }
      }),
    );
  });
});
