import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { chooseDaemon, misfit, whyWaiting, type DaemonCandidate, type PlacementAsk } from "./placement.ts";

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
});
