import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { Command, Report } from "@makima/protocol/daemon-wire";
import { scratch } from "../process/testing/scratch.ts";
import { specOf } from "../testing/world.ts";
import { commandsReceived, markHandled, storeCommands, unhandledCommands } from "./commands.ts";
import { openJournal, type Journal } from "./open.ts";
import { Outbox } from "./outbox.ts";
import { deleteRun, heldRuns, insertRun, saveOffsets, saveRun } from "./runs.ts";

const login = (agent: string): Command => ({ type: "startLogin", agent });
const restored = (agent: string): Report => ({ type: "authRestored", agent });

async function journalIn(t: TestContext): Promise<{ journal: Journal; path: string }> {
  const path = join(await scratch(t), "state", "daemon.db");
  const journal = openJournal(path);
  t.after(() => journal.close());
  return { journal, path };
}

function agentsIn(batch: { items: string[] } | undefined): string[] {
  return (batch?.items ?? []).map((item) => (JSON.parse(item) as { agent: string }).agent);
}

test("reports are numbered without gaps, also after a restart with an empty outbox", async (t) => {
  const { journal, path } = await journalIn(t);
  const outbox = new Outbox(journal);
  outbox.add([restored("a"), restored("b")]);
  outbox.add([restored("c")], undefined, false);
  assert.deepEqual(outbox.after(0, 1e6)?.first, 1);
  outbox.acknowledge(3);
  assert.equal(outbox.waiting, 0);
  journal.close();
  const again = openJournal(path);
  t.after(() => again.close());
  assert.equal(again.journalId.length, 36);
  const reopened = new Outbox(again);
  assert.equal(reopened.last, 3);
  reopened.add([restored("d")]);
  assert.deepEqual(reopened.after(3, 1e6), { first: 4, items: [JSON.stringify(restored("d"))] });
});

test("reports and what goes along with them are stored together or not at all", async (t) => {
  const { journal } = await journalIn(t);
  const outbox = new Outbox(journal);
  insertRun(journal, specOf("/r", 1));
  const run = heldRuns(journal)[0];
  assert.ok(run);
  run.offsets = { stdout: 70, stderr: 7 };
  assert.throws(() =>
    outbox.add(
      [restored("lost")],
      (db) => {
        saveOffsets(db, run.spec.runId, run.offsets);
        throw new Error("the disk is full");
      },
      false,
    ),
  );
  assert.equal(outbox.last, 0);
  assert.deepEqual(heldRuns(journal)[0]?.offsets, { stdout: 0, stderr: 0 });
  outbox.add([restored("kept")], (db) => saveOffsets(db, run.spec.runId, run.offsets), false);
  assert.deepEqual(heldRuns(journal)[0]?.offsets, { stdout: 70, stderr: 7 });
  assert.deepEqual(agentsIn(outbox.after(0, 1e6)), ["kept"]);
});

test("a batch is closed at its bytes and has one report at least", async (t) => {
  const { journal } = await journalIn(t);
  const outbox = new Outbox(journal);
  outbox.add([restored("x".repeat(500)), restored("y".repeat(500)), restored("z")]);
  assert.equal(outbox.after(0, 10)?.items.length, 1);
  assert.equal(outbox.after(0, 1100)?.items.length, 2);
  assert.equal(outbox.after(3, 1100), undefined);
});

test("a command is stored once, carried out once, and never behind a gap", async (t) => {
  const { journal } = await journalIn(t);
  assert.equal(storeCommands(journal, 1, [login("1"), login("2")]), 2);
  assert.equal(storeCommands(journal, 1, [login("1"), login("2"), login("3")]), 3);
  assert.equal(storeCommands(journal, 2, [login("2")]), 3);
  assert.throws(() => storeCommands(journal, 5, [login("5")]), /Commands 4 to 4 are missing/);
  markHandled(journal, 1);
  assert.deepEqual(
    unhandledCommands(journal).map(({ seq }) => seq),
    [2, 3],
  );
  assert.equal(storeCommands(journal, 1, [login("1")]), 3);
  assert.equal(unhandledCommands(journal).length, 2);
  assert.throws(() =>
    markHandled(journal, 2, () => {
      throw new Error("its effect could not be stored");
    }),
  );
  assert.deepEqual(
    unhandledCommands(journal).map(({ seq }) => seq),
    [2, 3],
  );
});

test("a command that this version does not know does not hide those behind it", async (t) => {
  const { journal } = await journalIn(t);
  storeCommands(journal, 1, [{ type: "fromTheFuture" }, login("2")]);
  assert.deepEqual(
    unhandledCommands(journal).map(({ command }) => command?.type),
    [undefined, "startLogin"],
  );
});

test("a run is what it was when the daemon starts again, and gone once its end is reported", async (t) => {
  const { journal, path } = await journalIn(t);
  const spec = specOf("/r", 1);
  insertRun(journal, spec);
  insertRun(journal, spec);
  const run = heldRuns(journal)[0];
  assert.ok(run);
  run.phase = "completing";
  run.progress.told.push("m1");
  saveRun(journal, run);
  journal.close();
  const again = openJournal(path);
  t.after(() => again.close());
  assert.deepEqual(heldRuns(again), [run]);
  const outbox = new Outbox(again);
  const { runId, taskId, epoch } = spec;
  const end: Report = { type: "runEnded", runId, taskId, epoch, outcome: { type: "done" }, runtimeSecs: 1 };
  outbox.add([restored("a"), end], (db) => deleteRun(db, runId));
  assert.deepEqual(heldRuns(again), []);
  assert.deepEqual(outbox.endedRuns(), [end]);
  outbox.acknowledge(2);
  assert.deepEqual(outbox.endedRuns(), []);
});

for (const [how, damage] of [
  ["overwritten", (path: string) => writeFileSync(path, "this is no database".repeat(1000))],
  ["cut off", (path: string) => truncateSync(path, 5000)],
] as const) {
  test(`a journal that was ${how} is put aside and another is begun`, async (t) => {
    const { journal, path } = await journalIn(t);
    const outbox = new Outbox(journal);
    for (let n = 0; n < 200; n += 1) outbox.add([restored("x".repeat(200))]);
    const { journalId } = journal;
    journal.close();
    damage(path);
    const damaged = readFileSync(path);
    const fresh = openJournal(path, () => 42);
    t.after(() => fresh.close());
    assert.equal(fresh.replaced, `${path}.unreadable-42`);
    assert.deepEqual(readFileSync(`${path}.unreadable-42`), damaged);
    assert.notEqual(fresh.journalId, journalId);
    assert.equal(new Outbox(fresh).last, 0);
    assert.equal(commandsReceived(fresh), 0);
  });
}

test("when the server has more than the journal, what was added since the start gets new numbers", async (t) => {
  const { journal, path } = await journalIn(t);
  new Outbox(journal).add([restored("known"), restored("known too")]);
  journal.close();
  const again = openJournal(path);
  t.after(() => again.close());
  const { journalId } = again;
  const outbox = new Outbox(again);
  storeCommands(again, 1, [login("1")]);
  outbox.add([restored("new"), restored("newer")]);
  outbox.renew(9);
  assert.notEqual(again.journalId, journalId);
  assert.deepEqual(
    { ...outbox.after(0, 1e6), items: agentsIn(outbox.after(0, 1e6)) },
    {
      first: 1,
      items: ["new", "newer"],
    },
  );
  assert.equal(outbox.last, 2);
  assert.equal(outbox.acknowledged, 0);
  assert.equal(commandsReceived(again), 1, "commands are numbered by the daemon, not by the journal");
  assert.equal(unhandledCommands(again).length, 1);
});

test("when the server has less than it once said, all that waits gets new numbers", async (t) => {
  const { journal } = await journalIn(t);
  const outbox = new Outbox(journal);
  outbox.add([restored("a"), restored("b"), restored("c")]);
  outbox.acknowledge(2);
  outbox.renew(1);
  assert.deepEqual(agentsIn(outbox.after(0, 1e6)), ["c"]);
  assert.equal(outbox.last, 1);
});

/** Writes pairs (a report, and an offset with the same number) until it is killed; says each that is stored. */
const WRITER = `
  import { openJournal } from ${JSON.stringify(new URL("./open.ts", import.meta.url).href)};
  import { Outbox } from ${JSON.stringify(new URL("./outbox.ts", import.meta.url).href)};
  import { heldRuns, saveOffsets } from ${JSON.stringify(new URL("./runs.ts", import.meta.url).href)};
  import { writeSync } from "node:fs";
  const journal = openJournal(process.argv[1]);
  const outbox = new Outbox(journal);
  const run = heldRuns(journal)[0];
  for (;;) {
    run.offsets.stdout = outbox.last + 1;
    const agent = String(run.offsets.stdout).padEnd(outbox.last % 3000, "x");
    outbox.add([{ type: "authRestored", agent }], (db) => saveOffsets(db, run.spec.runId, run.offsets), outbox.last % 7 === 0);
    writeSync(1, outbox.last + "\\n");
  }`;

test("kill -9 in the middle of writing loses nothing that was said to be stored", async (t) => {
  const { journal, path } = await journalIn(t);
  insertRun(journal, specOf("/r", 1));
  for (let round = 0; round < 5; round += 1) {
    const before = new Outbox(journal).last;
    const child = spawn(process.execPath, ["--input-type=module", "-e", WRITER, "--", path], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const exit = once(child, "exit");
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      if (said.split("\n").length > 50 + round * 37) child.kill("SIGKILL");
    });
    await exit;
    const lines = said.split("\n").slice(0, -1).map(Number);
    const last = new Outbox(journal).last;
    assert.ok(lines.length > 0 && last >= Math.max(...lines), `${last} is stored, ${lines.at(-1)} was said`);
    assert.equal(heldRuns(journal)[0]?.offsets.stdout, last);
    const rows = journal.state.prepare("select count(*) as n, max(seq) as last from outbox").get();
    assert.deepEqual({ ...rows }, { n: last, last }, `no gaps between ${before} and ${last}`);
  }
  assert.deepEqual(
    readdirSync(join(path, "..")).filter((name) => name.includes("unreadable")),
    [],
  );
});
