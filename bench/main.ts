/**
 * `npm run bench -- [figure…] [--quick]`: measures, prints a table, writes bench/results/<time>.json.
 *
 * Every figure stands against a reference that is measured in the same run and in turns with it; medians of
 * five blocks or more, the least and the greatest beside them. The exit code tells only whether everything
 * could be measured: whether a goal is met, on whichever machine this is, is for people to judge.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { cpus, loadavg, platform, release, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import type { Bench, Figure } from "./figure.ts";
import { lineOf, renderTable, type Line } from "./table.ts";

const FIGURES: Record<string, () => Promise<{ figure: Figure }>> = {
  p1: () => import("./p1-dispatch-latency.ts"),
  p2: () => import("./p2-dispatch-throughput.ts"),
  p5: () => import("./p5-output.ts"),
  p6: () => import("./p6-task-start.ts"),
  p10: () => import("./p10-version.ts"),
  p13: () => import("./p13-up.ts"),
};

/** A figure that takes longer is given up, so that a run always ends. */
const LONGEST_MS = { quick: 120_000, full: 300_000 };

const words = process.argv.slice(2);
const quick = words.includes("--quick");
const wanted = words.filter((word) => !word.startsWith("-")).map((word) => word.toLowerCase());
const unknown = [
  ...wanted.filter((name) => !(name in FIGURES)),
  ...words.filter((word) => word.startsWith("-") && word !== "--quick"),
];
if (unknown.length > 0) {
  console.error(`There is no ${unknown.join(", ")}. There are: ${Object.keys(FIGURES).join(", ")}, --quick.`);
  process.exit(2);
}

const began = new Date();
const folder = realpathSync(mkdtempSync(join(tmpdir(), "makima-bench-")));
const stacks = new Set<AsyncDisposableStack>();
const lines: Line[] = [];
const failures: { figure: string; error: string }[] = [];

process.once("SIGINT", () => void interrupted());
process.once("SIGTERM", () => void interrupted());

for (const [name, load] of Object.entries(FIGURES)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  await runFigure(name, load);
}
rmSync(folder, { recursive: true, force: true });
report();
process.exit(failures.length > 0 ? 1 : 0);

async function runFigure(name: string, load: () => Promise<{ figure: Figure }>): Promise<void> {
  const id = name.toUpperCase();
  const stack = new AsyncDisposableStack();
  stacks.add(stack);
  const own = join(folder, name);
  mkdirSync(own);
  const limit = Promise.withResolvers<never>();
  const ms = quick ? LONGEST_MS.quick : LONGEST_MS.full;
  const timer = setTimeout(() => limit.reject(new Error(`It took longer than ${ms / 1000} s.`)), ms);
  const since = performance.now();
  try {
    const { figure } = await load();
    console.error(`${id} ${figure.title}`);
    const bench: Bench = {
      quick,
      folder: own,
      stack,
      row: (...rows) => lines.push(...rows.map((row) => lineOf(id, row))),
      say: (text) => console.error(`   ${text}`),
    };
    await Promise.race([figure.measure(bench), limit.promise]);
  } catch (error) {
    failures.push({
      figure: id,
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
    console.error(`   failed: ${error instanceof Error ? error.message : String(error)}`);
    const log = join(own, "server.log");
    if (existsSync(log)) console.error(readFileSync(log, "utf8").slice(-3000));
  } finally {
    clearTimeout(timer);
    await dispose(stack);
    rmSync(own, { recursive: true, force: true, maxRetries: 3 });
    console.error(`   ${Math.round((performance.now() - since) / 1000)} s`);
  }
}

async function dispose(stack: AsyncDisposableStack): Promise<void> {
  stacks.delete(stack);
  await stack.disposeAsync().catch((error: unknown) => console.error("   cleaning up:", error));
}

async function interrupted(): Promise<void> {
  for (const stack of stacks) await dispose(stack);
  rmSync(folder, { recursive: true, force: true });
  process.exit(130);
}

function report(): void {
  const results = join(import.meta.dirname, "results");
  mkdirSync(results, { recursive: true });
  const file = join(results, `${began.toISOString().replaceAll(":", "-")}.json`);
  const machine = {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()}`,
    node: process.version,
    load: loadavg(),
  };
  const secs = Math.round((Date.now() - began.getTime()) / 1000);
  writeFileSync(
    file,
    `${JSON.stringify({ at: began, secs, quick, machine, lines, failures }, undefined, 2)}\n`,
  );
  console.log(
    `\n${machine.cpu}, ${machine.cores} cores, Node ${machine.node}, ${secs} s${quick ? ", quick" : ""}\n`,
  );
  console.log(renderTable(lines));
  for (const { figure, error } of failures) console.log(`\n${figure} could not be measured: ${error}`);
  console.log(`\n${file}`);
}
