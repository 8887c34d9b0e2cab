/** graphile-worker on the same database, in its own schema. */
import { Logger, run, type Runner, type TaskList } from "graphile-worker";
import type { Bench } from "./figure.ts";
import type { BenchServer } from "./server.ts";

const SILENT = new Logger(() => () => undefined);

/** A worker that is woken, not one that polls: its interval is longer than the figure. */
export async function startGraphile(
  bench: Bench,
  server: BenchServer,
  concurrency: number,
  taskList: TaskList,
): Promise<Runner> {
  const runner = await run({
    // One connection each for its listener and its jobs, as it wants them.
    pgPool: server.pool(Math.min(24, concurrency + 2)),
    schema: "graphile_worker",
    concurrency,
    pollInterval: 600_000,
    noHandleSignals: true,
    logger: SILENT,
    taskList,
  });
  bench.stack.defer(() => runner.stop());
  return runner;
}
