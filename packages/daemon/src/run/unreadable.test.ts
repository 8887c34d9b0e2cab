import assert from "node:assert/strict";
import { test } from "node:test";
import { openJournal } from "../journal/open.ts";
import { asideRuns } from "../journal/runs.ts";
import { nameOf, World } from "../testing/world.ts";

for (const [what, damage] of [
  ["its specification", "update run set spec = '{' where run_id = ?"],
  ["its phase", "update run set phase = 'dreaming' where run_id = ?"],
  ["where it stood", `update run set progress = '{"from":"a newer version"}' where run_id = ?`],
] as const) {
  test(`a run is put aside when ${what} cannot be read, and the others go on`, async (t) => {
    const world = await World.start(t);
    const hangs = world.script([
      [{ write: { path: "a.md", content: "a\n" } }, { say: "I hang." }, { hang: true }],
    ]);
    const bad = world.spawn({ agentScript: hangs });
    const good = world.spawn({ agentScript: hangs });
    await world.server.until(
      "both hang",
      () => world.server.entries().filter(({ content }) => content === "I hang.").length === 2,
    );
    await world.down();
    const journal = openJournal(world.options.journalPath);
    t.after(() => journal.close());
    journal.state.prepare(damage).run(bad.runId);

    const daemon = await world.up();
    const end = await world.server.ended(bad.runId);
    assert.ok(end.outcome.type === "failed");
    assert.match(end.outcome.error.message, /cannot read .* makima tasks retry/);
    assert.deepEqual(asideRuns(journal), [bad.runId]);
    assert.equal(daemon.running(), 1);
    assert.deepEqual(
      world.server.hellos
        .at(-1)
        ?.runs.map(({ runId }) => runId)
        .toSorted(),
      [bad.runId, good.runId].toSorted(),
    );

    const again = await world.server.ended(world.next(bad, { agentScript: "happy" }).runId);
    assert.deepEqual(again.outcome, { type: "done" });
    assert.deepEqual(again.result?.changedFiles, ["a.md", "sim-note.md"]);
    world.server.command({ type: "stopRun", ...nameOf(good), manner: "pause" });
    const other = await world.server.ended(good.runId);
    assert.equal(other.outcome.type, "parked");
  });
}
