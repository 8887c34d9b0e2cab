/**
 * P13: the bundled `makima up`, on data that is there, to its first answer, against the start of the same
 * database alone: `pg_ctl start` until it says that it is ready.
 */
import { openSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { prepareHome, type ClusterHome } from "@makima/server/postgres/cluster-home";
import { findPostmaster } from "@makima/server/postgres/postmaster";
import { runProgram } from "@makima/server/postgres/run-program";
import { interleave } from "./block.ts";
import { bundle } from "./bundle.ts";
import { end, start } from "./child.ts";
import { atMost, type Bench, type Figure } from "./figure.ts";
import { answers, freePort } from "./server.ts";

export const figure: Figure = {
  title: "start of everything",
  async measure(bench) {
    const file = await bundle(bench);
    const port = await freePort();
    const home = await prepareHome(join(bench.folder, "data", "db"));
    bench.stack.defer(() => {
      for (const path of [home.folder, home.socketFolder]) rmSync(path, { recursive: true, force: true });
    });
    bench.stack.defer(() => stopDatabase(home));
    bench.say("the first start, which makes the database");
    const first = await up(bench, file, port);
    await up(bench, file, port);
    const { makima, reference } = await interleave(bench.quick ? 5 : 7, {
      makima: async () => [await up(bench, file, port)],
      reference: async () => [await startDatabase(home)],
    });
    bench.row({
      what: "makima up → /healthz answers",
      unit: "ms",
      makima: makima[0] ?? [],
      reference: reference[0] ?? [],
      against: "pg_ctl start",
      goal: atMost(1.2, 500),
      note: `the very first start, initdb and all, took ${Math.round(first)} ms`,
    });
  },
};

/** Milliseconds until it answers; it and its database are gone when this resolves. */
async function up(bench: Bench, file: string, port: number): Promise<number> {
  const logFile = join(bench.folder, "up.log");
  const log = openSync(logFile, "w");
  const began = performance.now();
  const child = start(bench, process.execPath, [file, "up", "--port", String(port)], {
    cwd: bench.folder,
    env: {
      PATH: process.env["PATH"],
      HOME: bench.folder,
      MAKIMA_DATA_DIR: join(bench.folder, "data"),
      MAKIMA_PROCESS_CLAUDE_COMMAND: "makima-bench-has-no-claude",
    },
    stdio: ["ignore", log, log],
  });
  await answers(
    `http://127.0.0.1:${port}`,
    () => {
      if (child.exitCode !== null) throw new Error(`makima up ended:\n${readFileSync(logFile, "utf8")}`);
    },
    2,
  );
  const took = performance.now() - began;
  // A start that is broken off is another thing: let it come to its end.
  while (!readFileSync(logFile, "utf8").includes("slots")) await pause(10);
  await end(child);
  return took;
}

async function startDatabase(home: ClusterHome): Promise<number> {
  const began = performance.now();
  const starting = runProgram(home, "pg_ctl", ["start", "-W", "-D", home.data, "-l", home.logFile, "-s"]);
  while ((await findPostmaster(home))?.status !== "ready") await pause(2);
  const took = performance.now() - began;
  await starting;
  await stopDatabase(home);
  return took;
}

async function stopDatabase(home: ClusterHome): Promise<void> {
  if (!(await findPostmaster(home))) return;
  await runProgram(home, "pg_ctl", ["stop", "-D", home.data, "-m", "fast", "-w", "-s"]);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
