/**
 * P6: from `spawnTask` to an agent that runs, against `git worktree add` of the same repository.
 *
 * A whole daemon over its wire: the command is stored, the repository opened, the worktree made, the agent
 * started. The agent says when it began; that is the end of what is measured.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Report } from "@makima/protocol/daemon-wire";
import { interleave, median, timed } from "./block.ts";
import { start } from "./child.ts";
import { FakeServer, specFor } from "./fake-server.ts";
import { atMost, type Bench, type Figure, type Goal, type Row } from "./figure.ts";
import { git, makeRepository } from "./repository.ts";

const CHILD = join(import.meta.dirname, "daemon-child.ts");
const BLOCKS = 5;

export const figure: Figure = {
  title: "start of a task",
  async measure(bench) {
    const daemon = await startBenchDaemon(bench, "open");
    const sandboxed = hasBubblewrap() ? await startBenchDaemon(bench, "sandbox") : undefined;
    for (const files of bench.quick ? [100, 2000] : [100, 5000, 50_000]) {
      bench.say(`${files.toLocaleString("en")} files`);
      const repository = await makeRepository(join(bench.folder, `repository-${files}`), files);
      const perBlock = files > 1000 ? 1 : bench.quick ? 3 : 5;
      bench.row(await measureStart(bench, daemon, { repository, files, perBlock }));
      if (files === 100 && sandboxed) {
        bench.row(await measureSandbox(sandboxed, daemon, repository, perBlock));
      }
      rmSync(repository, { recursive: true, force: true });
    }
  },
};

interface Size {
  repository: string;
  files: number;
  perBlock: number;
}

async function measureStart(bench: Bench, daemon: BenchDaemon, size: Size): Promise<Row> {
  const { repository, files, perBlock } = size;
  const plain = join(bench.folder, "plain");
  // Both sides once for the caches of the disk.
  await daemon.startTask(repository);
  await addWorktree(repository, plain);
  const { makima, reference } = await interleave(BLOCKS, {
    makima: async () => {
      const starts = await repeat(perBlock, () => daemon.startTask(repository));
      return [median(starts.map(({ running }) => running)), median(starts.map(({ seen }) => seen))];
    },
    reference: async () => [median(await repeat(perBlock, () => addWorktree(repository, plain)))],
  });
  return {
    what: `spawnTask → agent runs, ${files.toLocaleString("en")} files`,
    unit: "ms",
    makima: makima[0] ?? [],
    reference: reference[0] ?? [],
    against: "git worktree add",
    goal: atMost(1.2, 30),
    note: `the agent's first words are at the server after ${median(makima[1] ?? []).toFixed(0)} ms`,
  };
}

/** With bubblewrap against without. */
async function measureSandbox(
  sandboxed: BenchDaemon,
  open: BenchDaemon,
  repository: string,
  perBlock: number,
): Promise<Row> {
  const times = async (daemon: BenchDaemon) => {
    const starts = await repeat(perBlock, () => daemon.startTask(repository));
    return [median(starts.map(({ running }) => running))];
  };
  await sandboxed.startTask(repository);
  const { makima, reference } = await interleave(BLOCKS, {
    makima: () => times(sandboxed),
    reference: () => times(open),
  });
  const goal: Goal = { text: "≤ +50 ms", met: (inside, outside) => inside <= outside + 50 };
  return {
    what: "the same in a sandbox, 100 files",
    unit: "ms",
    makima: makima[0] ?? [],
    reference: reference[0] ?? [],
    against: "without",
    goal,
  };
}

interface Start {
  /** Milliseconds until the agent began. */
  running: number;
  /** Until the server had its first words. */
  seen: number;
}

interface BenchDaemon {
  startTask(repository: string): Promise<Start>;
}

async function startBenchDaemon(bench: Bench, kind: "open" | "sandbox"): Promise<BenchDaemon> {
  const server = await FakeServer.start(bench);
  const folder = join(bench.folder, kind);
  mkdirSync(folder);
  const args = ["--disable-warning=ExperimentalWarning", CHILD, server.url, folder, kind];
  start(bench, process.execPath, args, { stdio: ["ignore", "inherit", "inherit"] });
  await server.connected;
  return {
    async startTask(repository) {
      const spec = specFor(repository);
      settleDisk();
      const words = server.reported(spec.runId, (report) => startedAt(report) !== undefined);
      const ended = server.reported(spec.runId, (report) => report.type === "runEnded");
      ended.catch(() => undefined);
      const sentAt = performance.timeOrigin + performance.now();
      server.command({ type: "spawnTask", spec });
      const began = startedAt(await words) ?? Number.NaN;
      const seenAt = performance.timeOrigin + performance.now();
      await ended;
      for (const name of ["worktrees", "state/spools"]) {
        rmSync(join(folder, name), { recursive: true, force: true });
        mkdirSync(join(folder, name), { recursive: true });
      }
      return { running: began - sentAt, seen: seenAt - sentAt };
    },
  };
}

/** Epoch milliseconds at which the agent says that it began. */
function startedAt(report: Report): number | undefined {
  if (report.type !== "output") return undefined;
  for (const { messageType, content } of report.entries) {
    const found = messageType === "assistant" ? /^started (\d+)$/.exec(content) : null;
    if (found) return Number(found[1]) / 1e6;
  }
  return undefined;
}

async function addWorktree(repository: string, path: string): Promise<number> {
  settleDisk();
  const took = await timed(() => git(repository, "worktree", "add", "-q", "-b", "plain", path, "HEAD"));
  await git(repository, "worktree", "remove", "--force", path);
  await git(repository, "branch", "-q", "-D", "plain");
  return took;
}

/** What the side before wrote is on the disk before the next one is measured. */
function settleDisk(): void {
  execFileSync("sync");
}

async function repeat<T>(times: number, work: () => Promise<T>): Promise<T[]> {
  const all: T[] = [];
  for (let n = 0; n < times; n += 1) all.push(await work());
  return all;
}

function hasBubblewrap(): boolean {
  try {
    execFileSync("bwrap", ["--ro-bind", "/", "/", "true"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
