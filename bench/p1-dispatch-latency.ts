/**
 * P1: from a task that is accepted (the answer 201 is there) to the daemon that has `spawnTask`, against
 * graphile-worker from a job that is accepted (`addJob` has resolved) to the start of its handler.
 *
 * Also the whole way, from before the request and from before `addJob`, for information: it includes HTTP,
 * the checks of the request and a task's richer record.
 */
import { randomUUID } from "node:crypto";
import { interleave, quantile } from "./block.ts";
import { FakeDaemon } from "./fake-daemon.ts";
import { atMost, type Bench, type Figure } from "./figure.ts";
import { startGraphile } from "./graphile.ts";
import { CONTRACT, startServer, type BenchServer } from "./server.ts";

const BLOCKS = 5;

export const figure: Figure = {
  title: "latency of dispatch",
  async measure(bench) {
    const server = await startServer(bench);
    const samples = bench.quick ? 60 : 250;
    const makima = await startMakima(bench, server);
    const graphile = await startReference(bench, server);
    for (let n = 0; n < 30; n += 1) {
      await makima();
      await graphile();
    }
    const block = async (one: () => Promise<Sample>) => {
      const all: Sample[] = [];
      for (let n = 0; n < samples; n += 1) all.push(await one());
      const accepted = all.map(({ accepted }) => accepted);
      const asked = all.map(({ asked }) => asked);
      return [quantile(accepted, 0.5), quantile(accepted, 0.99), quantile(asked, 0.5), quantile(asked, 0.99)];
    };
    const found = await interleave(BLOCKS, {
      makima: () => block(makima),
      reference: () => block(graphile),
    });
    const row = (what: string, at: number, against: string) => ({
      what,
      unit: "ms" as const,
      makima: found.makima[at] ?? [],
      reference: found.reference[at] ?? [],
      against,
    });
    bench.row(
      { ...row("201 → spawnTask, p50", 0, "job added → start"), goal: atMost(1) },
      { ...row("201 → spawnTask, p99", 1, "job added → start"), goal: atMost(1.5) },
      row("request → spawnTask, p50", 2, "addJob → start"),
      row("request → spawnTask, p99", 3, "addJob → start"),
    );
  },
};

/** Milliseconds until the work began: since it was accepted, and since it was asked for. */
interface Sample {
  accepted: number;
  asked: number;
}

async function startMakima(bench: Bench, server: BenchServer): Promise<() => Promise<Sample>> {
  const starts = new Starts();
  await FakeDaemon.connect(bench, server, {
    name: "bench",
    slots: 4,
    onSpawn(spec, at, daemon) {
      starts.began(spec.taskId, at);
      daemon.end(spec);
    },
    onStored: () => starts.settled(),
  });
  const body = JSON.stringify({ ...CONTRACT, start: true });
  return async () => {
    const asked = performance.now();
    const response = await fetch(`${server.url}/api/v1/contracts`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${server.key}`,
        "content-type": "application/json",
        "idempotency-key": randomUUID(),
      },
      body,
    });
    const accepted = performance.now();
    const answer = (await response.json()) as { tasks: { id: string }[] };
    const id = answer.tasks?.[0]?.id;
    if (id === undefined) throw new Error(`A contract was refused: ${JSON.stringify(answer)}`);
    const began = await starts.of(id);
    await starts.stored();
    return { accepted: began - accepted, asked: began - asked };
  };
}

async function startReference(bench: Bench, server: BenchServer): Promise<() => Promise<Sample>> {
  const starts = new Starts();
  const runner = await startGraphile(bench, server, 4, {
    measured: (_payload, helpers) => starts.began(helpers.job.id, performance.now()),
  });
  const ended = new Map<string, () => void>();
  runner.events.on("job:complete", ({ job }) => ended.get(job.id)?.());
  return async () => {
    const asked = performance.now();
    const job = await runner.addJob("measured", { n: 1 });
    const accepted = performance.now();
    const over = new Promise<void>((resolve) => ended.set(job.id, resolve));
    const began = await starts.of(job.id);
    await Promise.race([over, new Promise((resolve) => setTimeout(resolve, 5))]);
    ended.delete(job.id);
    return { accepted: began - accepted, asked: began - asked };
  };
}

/** Times at which work began, by its id; whoever asks before waits. */
class Starts {
  readonly #times = new Map<string, number>();
  readonly #waiting = new Map<string, (at: number) => void>();
  #stored: (() => void) | undefined;

  began(id: string, at: number): void {
    const resolve = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (resolve) resolve(at);
    else this.#times.set(id, at);
  }

  of(id: string): Promise<number> {
    const known = this.#times.get(id);
    this.#times.delete(id);
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((resolve) => this.#waiting.set(id, resolve));
  }

  /** The end of the work is stored too, so that the next begins on a quiet system. */
  settled(): void {
    this.#stored?.();
    this.#stored = undefined;
  }

  stored(): Promise<void> {
    return Promise.race([
      new Promise<void>((resolve) => (this.#stored = resolve)),
      new Promise<void>((resolve) => setTimeout(resolve, 20)),
    ]);
  }
}
