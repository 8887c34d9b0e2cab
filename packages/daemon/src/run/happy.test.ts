import assert from "node:assert/strict";
import { test } from "node:test";
import { World } from "../testing/world.ts";

test("a task goes from its command to a commit on its branch", async (t) => {
  const world = await World.start(t);
  const { spec, end } = await world.run();
  assert.deepEqual(end.outcome, { type: "done" });
  assert.equal(world.show(spec.branch, "sim-note.md"), "# A note\n\nWritten by the simulated agent.");
});
