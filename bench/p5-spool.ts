/** The daemon's half of P5: from the file that an agent wrote to reports in the outbox. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { followOutput, spoolFiles } from "@makima/daemon/agent/agent-output";
import { claude } from "@makima/daemon/agent/claude/adapter";
import { openJournal } from "@makima/daemon/journal/open";
import { Outbox } from "@makima/daemon/journal/outbox";
import { heldRuns, insertRun } from "@makima/daemon/journal/runs";
import { createRedactor } from "@makima/daemon/process/redact";
import type { RunContext } from "@makima/daemon/run/context";
import { RunHandle } from "@makima/daemon/run/handle";
import { storeBatch } from "@makima/daemon/run/store-batch";
import { interleave, timed } from "./block.ts";
import { specFor } from "./fake-server.ts";
import { over, type Bench, type Row } from "./figure.ts";

const LARGE = 10 * 1024 * 1024;

export async function spoolRows(bench: Bench): Promise<Row[]> {
  const lines = bench.quick ? 20_000 : 60_000;
  bench.say("the daemon's half");
  const folder = join(bench.folder, "spool");
  mkdirSync(folder);
  const journal = openJournal(join(folder, "journal.db"));
  bench.stack.defer(() => journal.close());
  const outbox = new Outbox(journal);
  const spec = specFor("/nonexistent");
  insertRun(journal, spec);
  const [held] = heldRuns(journal);
  if (!held) throw new Error("The journal did not keep the run.");
  const handle = new RunHandle(held);
  // All that taking in output needs of a daemon.
  const context = { journal, outbox, now: Date.now } as Partial<RunContext> as RunContext;
  const redactor = createRedactor([spec.apiKey]);
  const read = async (name: string) => {
    const output = await followOutput({
      adapter: claude,
      folder: join(folder, name),
      onEvents: (batch) => storeBatch(context, handle, redactor, batch),
    });
    await output.finish();
    outbox.acknowledge(outbox.last);
  };
  write(
    folder,
    "many",
    Array.from({ length: lines }, (_, n) => words(`line ${n} ${"x".repeat(110)}`)),
  );
  write(folder, "large", [words("y".repeat(LARGE))]);
  await read("many");
  const plain = plainFile(folder, lines);
  const found = await interleave(5, {
    makima: async () => [
      (lines / (await timed(() => read("many")))) * 1000,
      await timed(() => read("large")),
    ],
    reference: async () => [(lines / (await timed(async () => plain()))) * 1000],
  });
  return [
    {
      what: "daemon: file → outbox",
      unit: "/s",
      makima: found.makima[0] ?? [],
      reference: found.reference[0] ?? [],
      against: "SQLite rows by 100",
      goal: over(10_000, "/s"),
    },
    { what: "daemon: one line of 10 MB → outbox", unit: "ms", makima: found.makima[1] ?? [] },
  ];
}

function words(text: string): string {
  const content = [{ type: "text", text }];
  return JSON.stringify({
    type: "assistant",
    parent_tool_use_id: null,
    message: { id: "m", model: "m", content },
  });
}

function write(folder: string, name: string, lines: string[]): void {
  mkdirSync(join(folder, name));
  const files = spoolFiles(join(folder, name));
  writeFileSync(files.stdout, `${lines.join("\n")}\n`);
  writeFileSync(files.stderr, "");
}

/** The same number of rows of the same length by a hundred into a file of its own. */
function plainFile(folder: string, lines: number): () => void {
  const db = new DatabaseSync(join(folder, "plain.db"));
  db.exec("pragma journal_mode = wal; pragma synchronous = normal");
  db.exec("create table line (id integer primary key, text text not null) strict");
  const insert = db.prepare("insert into line (text) values (?)");
  const text = words("x".repeat(120));
  return () => {
    for (let n = 0; n < lines; n += 100) {
      db.exec("begin");
      for (let row = 0; row < 100; row += 1) insert.run(text);
      db.exec("commit");
    }
    db.exec("delete from line");
  };
}
