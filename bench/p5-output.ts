/**
 * P5: an agent's line on its way to a browser: 50 agents through daemons' sockets, stored, told to a watcher
 * of all of them; against rows of the same text appended by 100 to a plain table.
 *
 * A line is sent as a daemon sends it: lines of 20 ms go together in one report of their run. It counts as
 * arrived when the watcher's socket has it. And the daemon's own half: from a file that an agent wrote to
 * reports in the outbox.
 */
import { interleave } from "./block.ts";
import { over, under, type Figure, type Row } from "./figure.ts";
import { startAgents, type Agents } from "./p5-agents.ts";
import { spoolRows } from "./p5-spool.ts";
import { startServer, type BenchServer } from "./server.ts";

const BLOCKS = 5;
const RATE = 10_000;
/** As in a table that does nothing but keep lines. */
const ROWS = 100;

export const figure: Figure = {
  title: "an agent's line to the browser",
  async measure(bench) {
    const server = await startServer(bench);
    const agents = await startAgents(bench, server);
    const reference = await plainTable(bench.quick ? 20_000 : 60_000, server);
    await agents.burst(5000);
    await reference();
    const lines = bench.quick ? 20_000 : 60_000;
    bench.say(`as fast as it goes, ${lines.toLocaleString("en")} lines a block`);
    const most = await interleave(BLOCKS, {
      makima: async () => [await agents.burst(lines)],
      reference: async () => [await reference()],
    });
    bench.row({
      what: "line → stored → watcher, most",
      unit: "/s",
      makima: most.makima[0] ?? [],
      reference: most.reference[0] ?? [],
      against: `rows by ${ROWS}`,
      goal: over(RATE, "/s"),
    });
    bench.say(`${RATE.toLocaleString("en")} lines a second`);
    bench.row(...(await steady(server, agents, bench.quick ? 2 : 5)));
    bench.row(...(await spoolRows(bench)));
  },
};

/** Latency at a steady rate, quiet and with one line of 10 MB among the others. */
async function steady(server: BenchServer, agents: Agents, secs: number): Promise<Row[]> {
  await agents.steady(RATE, 1);
  await server.loop();
  let cpu = 0;
  const found = await interleave(BLOCKS, {
    makima: async () => {
      const { p50, p99 } = await agents.steady(RATE, secs);
      const loop = await server.loop();
      cpu = Math.max(cpu, loop.cpu);
      const large = await agents.steady(RATE, secs, true);
      const after = await server.loop();
      return [p50, p99, loop.p99, large.p99, after.max];
    },
  });
  const at = (index: number) => found.makima[index] ?? [];
  const rate = RATE.toLocaleString("en");
  return [
    { what: `latency at ${rate}/s, p50`, unit: "ms", makima: at(0) },
    { what: `latency at ${rate}/s, p99`, unit: "ms", makima: at(1), goal: under(150, "ms") },
    {
      what: `the server's event loop at ${rate}/s, p99`,
      unit: "ms",
      makima: at(2),
      goal: under(50, "ms"),
      note: `the server used ${(cpu * 100).toFixed(0)} % of a core at most`,
    },
    {
      what: "latency with a line of 10 MB among them, p99",
      unit: "ms",
      makima: at(3),
      goal: under(150, "ms"),
    },
    { what: "event loop with a line of 10 MB, longest", unit: "ms", makima: at(4) },
  ];
}

/** Appends the same lines by 100 with `unnest` to a table without any index but its key; lines a second. */
async function plainTable(lines: number, server: BenchServer): Promise<() => Promise<number>> {
  const pool = server.pool(1);
  await pool.query("create schema if not exists bench");
  await pool.query(
    "create table bench.line (id bigint generated always as identity primary key, task uuid, at timestamptz, content text)",
  );
  const task = "00000000-0000-4000-8000-000000000000";
  const text = "x".repeat(120);
  return async () => {
    const began = performance.now();
    for (let sent = 0; sent < lines; sent += ROWS) {
      await pool.query({
        name: "append",
        text: "insert into bench.line (task, at, content) select * from unnest($1::uuid[], $2::timestamptz[], $3::text[])",
        values: [
          Array<string>(ROWS).fill(task),
          Array<string>(ROWS).fill(new Date().toISOString()),
          Array<string>(ROWS).fill(text),
        ],
      });
    }
    return (lines / (performance.now() - began)) * 1000;
  };
}
