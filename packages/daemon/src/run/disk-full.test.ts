import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { pino } from "pino";
import { openJournal, type Journal } from "../journal/open.ts";
import { nameOf, World } from "../testing/world.ts";

/** SQLite answers a file that may not grow as it answers a full disk. */
function fill(journal: Journal): () => void {
  const connections = [journal.state, journal.stream];
  for (const db of connections) db.exec("pragma max_page_count = 1");
  return () => {
    for (const db of connections) db.exec("pragma max_page_count = 1000000");
  };
}

test("while the disk is full agents are stopped and nothing is lost; then the run goes on", async (t) => {
  const world = await World.make(t);
  const logged: { msg: string }[] = [];
  const log = pino({}, { write: (line: string) => void logged.push(JSON.parse(line) as { msg: string }) });
  const journal = openJournal(join(world.options.stateDir, "daemon.db"));
  Object.assign(world.options, { journal, log, roomMs: 20 });
  await world.up();
  const script = world.script([
    [
      { write: { path: "a.md", content: "a\n" } },
      { lines: { count: 400, rate: 200, size: 2000, prefix: "line", nonce: true } },
      { gate: { ready: true } },
    ],
  ]);
  const spec = world.spawn({ agentScript: script, agentSpeed: 1 });
  await world.server.entry(/^line 20\b/);
  // Else what is acknowledged makes room.
  world.server.manners.withholdAcks = true;
  const free = fill(journal);
  const isFull = () => logged.some(({ msg }) => msg.includes("because the disk is full"));
  const look = setInterval(() => world.server.look(), 10);
  t.after(() => clearInterval(look));
  await world.server.until("the disk is full", isFull);
  assert.equal(world.daemon?.running(), 1);
  world.server.command({ type: "sendMessage", ...nameOf(spec), messageId: "m1", text: "Hurry." });
  free();
  world.server.manners.withholdAcks = false;
  const end = await world.server.ended(spec.runId);
  assert.deepEqual(end.outcome, { type: "done" });
  const lines = world.server
    .entries(spec.runId)
    .flatMap(({ content }) => /^line \d+\b.*/.exec(content)?.[0] ?? []);
  assert.equal(new Set(lines).size, lines.length, "nothing is stored twice");
  assert.equal(new Set(lines.map((line) => line.split(" ")[1])).size, 400, "nothing is lost");
  assert.equal(logged.filter(({ msg }) => msg.includes("because the disk is full")).length, 1);
});
