/**
 * P2: tasks a second to eight daemons that finish at once, three slots each, against graphile-worker with
 * 24 jobs at a time. Everything waits before it begins; what is measured goes from the first start to the
 * last end that is stored.
 */
import { makeWorkerUtils } from "graphile-worker";
import { routes } from "@makima/protocol/api/routes";
import { interleave, median } from "./block.ts";
import { FakeDaemon } from "./fake-daemon.ts";
import { atLeast, type Bench, type Figure } from "./figure.ts";
import { startGraphile } from "./graphile.ts";
import { CONTRACT, startServer, type BenchServer } from "./server.ts";

const BLOCKS = 5;
const DAEMONS = 8;
const SLOTS = 3;
const PER_CONTRACT = 50;

export const figure: Figure = {
  title: "throughput of dispatch",
  async measure(bench) {
    const server = await startServer(bench);
    const count = bench.quick ? 400 : 4000;
    const makima = await startMakima(bench, server);
    const graphile = await startReference(bench, server);
    await makima(4 * PER_CONTRACT);
    await graphile(4 * PER_CONTRACT);
    const found = await interleave(BLOCKS, {
      makima: async () => {
        const { rate, cpu } = await makima(count);
        return [rate, cpu];
      },
      reference: async () => [await graphile(count)],
    });
    const total = (count * BLOCKS).toLocaleString("en");
    bench.row({
      what: `tasks placed and ended, ${total} to ${DAEMONS} daemons`,
      unit: "/s",
      makima: found.makima[0] ?? [],
      reference: found.reference[0] ?? [],
      against: "graphile-worker",
      goal: atLeast(1),
      note: `each was given out exactly once; the server used ${(median(found.makima[1] ?? []) * 100).toFixed(0)} % of a core`,
    });
  },
};

interface Throughput {
  /** Tasks a second. */
  rate: number;
  /** Share of a core that the server used. */
  cpu: number;
}

async function startMakima(
  bench: Bench,
  server: BenchServer,
): Promise<(count: number) => Promise<Throughput>> {
  const race = new Race();
  for (let n = 1; n <= DAEMONS; n += 1) {
    const ends = new Map<number, number>();
    await FakeDaemon.connect(bench, server, {
      name: `bench-${n}`,
      slots: SLOTS,
      onSpawn(spec, _at, daemon) {
        race.began(spec.taskId);
        ends.set(daemon.end(spec), 1);
      },
      onStored(upTo) {
        for (const seq of ends.keys()) {
          if (seq > upTo) break;
          ends.delete(seq);
          race.ended();
        }
      },
    });
  }
  return async (count) => {
    const contracts = await fill(server, count / PER_CONTRACT);
    await server.loop();
    const over = race.start(count);
    await Promise.all(contracts.map((id) => server.client.call(routes.startContract, { params: { id } })));
    const rate = await over;
    return { rate, cpu: (await server.loop()).cpu };
  };
}

/** Contracts that are not started, with their tasks; their ids. */
async function fill(server: BenchServer, contracts: number): Promise<string[]> {
  const ids: string[] = [];
  let left = contracts;
  const body = { plan: "Be measured.", agent: "sim" } as const;
  const writer = async () => {
    while (left > 0) {
      left -= 1;
      const { contract } = await server.client.call(routes.createContract, { body: CONTRACT });
      const params = { id: contract.id };
      for (let n = 1; n < PER_CONTRACT; n += 1) {
        await server.client.call(routes.createTask, { params, body });
      }
      ids.push(contract.id);
    }
  };
  await Promise.all(Array.from({ length: 8 }, writer));
  return ids;
}

async function startReference(
  bench: Bench,
  server: BenchServer,
): Promise<(count: number) => Promise<number>> {
  const race = new Race();
  const runner = await startGraphile(bench, server, DAEMONS * SLOTS, {
    counted: (_payload, helpers) => race.began(helpers.job.id),
  });
  runner.events.on("job:complete", () => race.ended());
  const utils = await makeWorkerUtils({ pgPool: server.pool(2), schema: "graphile_worker" });
  bench.stack.defer(() => utils.release());
  return async (count) => {
    const over = race.start(count);
    const jobs = Array.from({ length: count }, () => ({ identifier: "counted", payload: {} }));
    await utils.addJobs(jobs);
    return over;
  };
}

/** From the first beginning to the last end. */
class Race {
  #seen = new Set<string>();
  #left = 0;
  #count = 0;
  #began = 0;
  #over = Promise.withResolvers<number>();

  /** Resolves to how many a second there were; refuses when one began twice. */
  start(count: number): Promise<number> {
    this.#seen = new Set();
    this.#count = count;
    this.#left = count;
    this.#over = Promise.withResolvers();
    return this.#over.promise;
  }

  began(id: string): void {
    if (this.#seen.size === 0) this.#began = performance.now();
    if (this.#seen.has(id)) this.#over.reject(new Error(`${id} was given out twice.`));
    this.#seen.add(id);
  }

  ended(): void {
    this.#left -= 1;
    if (this.#left === 0) this.#over.resolve((this.#count / (performance.now() - this.#began)) * 1000);
  }
}
