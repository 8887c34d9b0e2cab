/**
 * Runs the tests: `node scripts/test.ts [unit|process|db|e2e] [part of a path]`; all kinds when none is named.
 *
 * unit: `*.test.ts` beside the source that need nothing and are quick. process: those in rooms that are about
 * processes, git and the command line. db: `*.db.test.ts`, which need PostgreSQL. e2e: `test/e2e`, whole systems
 * of real processes. db and e2e share one PostgreSQL that is started here in a temporary folder.
 * The last line says how many passed and failed; red when one failed, and when nothing ran.
 */
import { spawn, spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pino } from "pino";
import { removePostgres, startPostgres, type RunningPostgres } from "@makima/server/postgres/start-postgres";

const KINDS = ["unit", "process", "db", "e2e"] as const;
type Kind = (typeof KINDS)[number];

/** Test files at a time: databases and whole systems are heavy. */
const CORES = Math.max(2, availableParallelism());
const CONCURRENCY: Record<Kind, number> = { unit: CORES, process: CORES, db: 2, e2e: 2 };

/** A test that takes longer hangs, and would hide that for ever. */
const TEST_MS = 10 * 60 * 1000;

/** Rooms whose tests start real processes or real git, and take their time. */
const PROCESSES =
  /^packages\/(?:agents|cli)\/|^packages\/daemon\/src\/(?:agent|checkpoint|completion|git|link|process|run|sandbox|worktree)\//;

function kindOf(file: string): Kind {
  if (file.startsWith("test/e2e/")) return "e2e";
  if (file.endsWith(".db.test.ts")) return "db";
  return PROCESSES.test(file) ? "process" : "unit";
}

const words = process.argv.slice(2);
const isKind = (word: string | undefined): word is Kind => KINDS.includes(word as Kind);
const wanted = isKind(words[0]) ? [words[0]] : KINDS;
const part = isKind(words[0]) ? words[1] : words[0];

const files = globSync(["packages/*/src/**/*.test.ts", "test/e2e/**/*.test.ts"])
  .filter((file) => part === undefined || file.includes(part))
  .sort();

const plan = wanted
  .map((kind) => ({ kind, files: files.filter((file) => kindOf(file) === kind) }))
  .filter(({ files }) => files.length > 0);
const total = { passed: 0, failed: 0 };

const needsServices = plan.some(({ kind }) => kind === "db" || kind === "e2e");
if (plan.some(({ kind, files }) => kind === "e2e" || files.some((file) => /sandbox|run\//.test(file))))
  ensureBubblewrap();
const database = needsServices ? await startDatabase() : undefined;
try {
  for (const { kind, files } of plan) await run(kind, files, database?.url);
} finally {
  await database?.remove();
}
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;

/** Sums the counts that the runner prints at its end. */
function run(kind: Kind, files: string[], url: string | undefined): Promise<void> {
  const limit = `--test-timeout=${TEST_MS}`;
  const args = ["--test", "--test-reporter=spec", limit, `--test-concurrency=${CONCURRENCY[kind]}`, ...files];
  const env = { ...process.env, ...(url === undefined ? {} : { MAKIMA_TEST_DATABASE_URL: url }) };
  console.log(`${kind}: ${files.length} files`);
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"], env });
    const counts: Record<string, number> = {};
    createInterface({ input: child.stdout }).on("line", (line) => {
      console.log(line);
      const [, word = "", count = ""] = /^ℹ (pass|fail|cancelled|skipped) (\d+)$/.exec(line) ?? [];
      counts[word] = Number(count);
    });
    child.on("close", (code) => {
      const failed = (counts["fail"] ?? 0) + (counts["cancelled"] ?? 0);
      total.passed += counts["pass"] ?? 0;
      // A runner that died, or that skipped what it should have run, is red as well.
      total.failed += failed + (counts["skipped"] ?? 0) + (code !== 0 && failed === 0 ? 1 : 0);
      resolve();
    });
  });
}

async function startDatabase(): Promise<{ url: string; remove: () => Promise<void> }> {
  const dataDir = await mkdtemp(join(tmpdir(), "makima-test-"));
  const running = await startPostgres({ dataDir, log: pino({ level: "warn" }) });
  const remove = async () => {
    await removePostgres(running);
    await rm(dataDir, { recursive: true, force: true });
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void remove().finally(() => process.exit(1)));
  }
  return { url: urlOf(running), remove };
}

function urlOf({ connection }: RunningPostgres): string {
  return `postgresql://${connection.user}@localhost:${connection.port}/${connection.database}?host=${encodeURIComponent(connection.host ?? "")}`;
}

/** The sandbox has tests of its own, and they do not pass over it. */
function ensureBubblewrap(): void {
  if (process.platform !== "linux" || spawnSync("bwrap", ["--version"]).status === 0) return;
  const install = ["install", "-y", "--no-install-recommends", "bubblewrap"];
  if (process.getuid?.() === 0 && spawnSync("apt-get", ["--version"]).status === 0) {
    const installed = [["update"], install].every(
      (args) => spawnSync("apt-get", args, { stdio: "inherit" }).status === 0,
    );
    if (installed) return;
  }
  console.error("The tests need bubblewrap. Install it first: sudo apt-get install -y bubblewrap");
  process.exit(1);
}
