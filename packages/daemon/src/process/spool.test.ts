import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { SpoolLine } from "./line-splitter.ts";
import { followSpool, openSpool } from "./spool.ts";
import { event, scratch } from "./testing/scratch.ts";

test("lines are handed out as they are written, and a last one without end when the writer is gone", async (t) => {
  const path = join(await scratch(t), "out");
  await (await openSpool(path)).close();
  const got: string[] = [];
  const two = event();
  const reader = await followSpool(path, {
    onLines(lines) {
      got.push(...lines.map((line) => line.text));
      if (got.length === 2) two.fire();
    },
  });
  await appendFile(path, "one\ntw");
  await appendFile(path, "o\nthr");
  await two.came;
  await appendFile(path, "ee");
  await reader.finish();
  assert.deepEqual(got, ["one", "two", "three"]);
  assert.equal(reader.offset, 13);
});

test("a batch is bounded, and nothing is read on before the consumer is done", async (t) => {
  const path = join(await scratch(t), "out");
  await writeFile(path, "x\n".repeat(100_000));
  let busy = 0;
  let total = 0;
  const reader = await followSpool(path, {
    maxBatchLines: 500,
    async onLines(lines) {
      busy += 1;
      assert.equal(busy, 1);
      assert.ok(lines.length <= 500);
      await new Promise((resolve) => setImmediate(resolve));
      total += lines.length;
      busy -= 1;
    },
  });
  await reader.finish();
  assert.equal(total, 100_000);
});

test("reading goes on after a stored offset with no gap and nothing twice", async (t) => {
  const path = join(await scratch(t), "out");
  const written = Array.from({ length: 5000 }, (_, n) => `line ${n} ${"é🙂".repeat(n % 50)}`);
  await writeFile(path, `${written.join("\n")}\n`);
  const got: string[] = [];
  let from = 0;
  for (let round = 0; got.length < written.length; round += 1) {
    const stop = event();
    const reader = await followSpool(path, {
      from,
      maxBatchLines: 7 + round,
      onLines(lines: SpoolLine[]) {
        // Stored lines and offset together; the reader dies before it has said so.
        got.push(...lines.map((line) => line.text));
        from = lines.at(-1)?.offset ?? from;
        stop.fire();
        throw new Error("killed");
      },
    });
    await assert.rejects(reader.done, /killed/);
    await stop.came;
  }
  assert.deepEqual(got, written);
});

test("a consumer that fails ends the reading and is told by done and finish", async (t) => {
  const path = join(await scratch(t), "out");
  await writeFile(path, "a\n");
  const reader = await followSpool(path, {
    onLines() {
      throw new Error("journal is full");
    },
  });
  await assert.rejects(reader.done, /journal is full/);
  await assert.rejects(reader.finish(), /journal is full/);
  assert.equal(reader.offset, 0);
});

test("a closed reader stops without handing out more", async (t) => {
  const path = join(await scratch(t), "out");
  await writeFile(path, "a\n");
  const first = event();
  const got: string[] = [];
  const reader = await followSpool(path, {
    onLines(lines) {
      got.push(...lines.map((line) => line.text));
      first.fire();
    },
  });
  await first.came;
  await reader.close();
  await appendFile(path, "b\n");
  assert.deepEqual(got, ["a"]);
});

const lines = (from: number) => Array.from({ length: 300 }, (_, n) => `${from + n} ü`);

test("a reader killed with -9 loses nothing: its successor goes on from the offset it stored", async (t) => {
  const folder = await scratch(t);
  const path = join(folder, "out");
  const journal = join(folder, "journal");
  await (await openSpool(path)).close();
  await writeFile(journal, "");
  const reading = join(folder, "reader.mjs");
  await writeFile(
    reading,
    `import { appendFileSync, readFileSync } from "node:fs";
     const { followSpool } = await import(${JSON.stringify(new URL("./spool.ts", import.meta.url).href)});
     const rows = readFileSync(${JSON.stringify(journal)}, "utf8").trim().split("\\n").filter(Boolean).map((r) => JSON.parse(r));
     const from = rows.at(-1)?.offset ?? 0;
     await followSpool(${JSON.stringify(path)}, { from, maxBatchLines: 50, onLines(lines) {
       appendFileSync(${JSON.stringify(journal)}, JSON.stringify({ offset: lines.at(-1).offset, texts: lines.map((l) => l.text) }) + "\\n");
       process.stdout.write(".");
     }});`,
  );
  const startReader = () => spawn(process.execPath, [reading], { stdio: ["ignore", "pipe", "inherit"] });
  for (let round = 0; round < 3; round += 1) {
    await appendFile(path, `${lines(round * 300).join("\n")}\n`);
    const reader = startReader();
    await once(reader.stdout, "data");
    await appendFile(path, "half a line, ");
    reader.kill("SIGKILL");
    await once(reader, "exit");
    await appendFile(path, "and its other half\n");
  }
  const rows = (await readFile(journal, "utf8")).trim().split("\n");
  const stored = rows.map((row) => JSON.parse(row) as { offset: number; texts: string[] });
  const got = stored.flatMap((row) => row.texts);
  const last = await followSpool(path, {
    from: stored.at(-1)?.offset ?? 0,
    onLines: (batch) => void got.push(...batch.map((line) => line.text)),
  });
  await last.finish();
  const halves = "half a line, and its other half";
  assert.deepEqual(got, [...lines(0), halves, ...lines(300), halves, ...lines(600), halves]);
});
