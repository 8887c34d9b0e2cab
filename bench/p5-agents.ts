/** Fifty agents that talk through five daemons, and one watcher of all of them. */
import { WebSocket } from "ws";
import { routes } from "@makima/protocol/api/routes";
import type { OutputEntry } from "@makima/protocol/history";
import type { RunSpec } from "@makima/protocol/run-spec";
import type { SubscribeFrame, TaskFrame } from "@makima/protocol/watch-wire";
import { quantile } from "./block.ts";
import { FakeDaemon } from "./fake-daemon.ts";
import type { Bench } from "./figure.ts";
import { CONTRACT, type BenchServer } from "./server.ts";

const DAEMONS = 5;
const AGENTS = 50;
/** A daemon reads what an agent writes at most this often. */
const PACE_MS = 20;
/** Largest content of one entry: what a daemon makes of a line of 10 MB. */
const LARGEST = 256 * 1024;
const PADDING = "x".repeat(104);

/** Milliseconds from a line's making to the watcher's socket; all lines arrived. */
export interface Steady {
  p50: number;
  p99: number;
}

export interface Agents {
  /** Sends this many lines as fast as they are taken; how many a second arrived. */
  burst(lines: number): Promise<number>;
  /** Sends lines at a rate for some seconds; with one of the largest entries every half a second if wished. */
  steady(perSecond: number, secs: number, large?: boolean): Promise<Steady>;
}

interface Agent {
  spec: RunSpec;
  daemon: FakeDaemon;
}

export async function startAgents(bench: Bench, server: BenchServer): Promise<Agents> {
  const agents = await running(bench, server);
  const watcher = await watch(bench, server, agents);

  return {
    async burst(lines) {
      const arrived = watcher.expect(lines);
      const began = performance.now();
      const batch = 20;
      for (let sent = 0; sent < lines;) {
        for (const agent of agents) {
          if (sent >= lines) break;
          const count = Math.min(batch, lines - sent);
          say(agent, Array.from({ length: count }, line));
          sent += count;
        }
        // As a real outbox does, hold back what is not taken yet, a little more than what may be on its way.
        while (agents.some(({ daemon }) => daemon.unstored > 60)) await pause(1);
        await pause(0);
      }
      await arrived;
      return (lines / (performance.now() - began)) * 1000;
    },
    async steady(perSecond, secs, large = false) {
      const total = perSecond * secs;
      const arrived = watcher.expect(total + (large ? Math.floor(secs * 2) : 0));
      const began = performance.now();
      let sent = 0;
      let largeSent = 0;
      while (sent < total) {
        const due = Math.min(total, Math.floor(((performance.now() - began) / 1000) * perSecond));
        const each = Math.floor((due - sent) / AGENTS);
        let rest = due - sent - each * AGENTS;
        for (const agent of agents) {
          const count = each + (rest-- > 0 ? 1 : 0);
          if (count > 0) say(agent, Array.from({ length: count }, line));
        }
        sent = due;
        const [first] = agents;
        if (large && first && largeSent < Math.floor((sent / total) * secs * 2)) {
          largeSent += 1;
          say(first, [{ ...line(), content: `${stamp()} ${"y".repeat(LARGEST - 32)}` }]);
        }
        await pause(PACE_MS);
      }
      const latencies = await arrived;
      return { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) };
    },
  };
}

function say({ spec, daemon }: Agent, entries: OutputEntry[]): void {
  const { runId, taskId, epoch } = spec;
  daemon.report({ type: "output", runId, taskId, epoch, entries });
}

const stamp = () => performance.now().toFixed(3);
const line = (): OutputEntry => ({
  at: new Date().toISOString(),
  messageType: "assistant",
  content: `${stamp()} ${PADDING}`,
});

/** Fifty tasks that run. */
async function running(bench: Bench, server: BenchServer): Promise<Agent[]> {
  const agents: Agent[] = [];
  const all = Promise.withResolvers<void>();
  for (let n = 1; n <= DAEMONS; n += 1) {
    await FakeDaemon.connect(bench, server, {
      name: `bench-${n}`,
      slots: AGENTS / DAEMONS,
      onSpawn(spec, _at, daemon) {
        agents.push({ spec, daemon });
        const { runId, taskId, epoch, branch } = spec;
        daemon.report({
          type: "runStarted",
          runId,
          taskId,
          epoch,
          branch,
          worktreePath: "/nonexistent",
          baseCommit: "0".repeat(40),
        });
        if (agents.length === AGENTS) all.resolve();
      },
    });
  }
  for (let n = 0; n < AGENTS; n += 1) {
    await server.client.call(routes.createContract, { body: { ...CONTRACT, start: true } });
  }
  await all.promise;
  return agents;
}

interface Watcher {
  /** Resolves with the latencies of the next `lines` lines, in milliseconds. */
  expect(lines: number): Promise<number[]>;
}

async function watch(bench: Bench, server: BenchServer, agents: readonly Agent[]): Promise<Watcher> {
  const address = `${server.url.replace("http", "ws")}/api/v1/mesh/tasks/subscribe`;
  const socket = new WebSocket(address, {
    perMessageDeflate: false,
    headers: { authorization: `Bearer ${server.key}` },
  });
  bench.stack.defer(() => socket.terminate());
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  let waiting: { left: number; latencies: number[]; resolve: (all: number[]) => void } | undefined;
  let failed: Error | undefined;
  const seen = new Set<string>();
  const ready = Promise.withResolvers<void>();
  const take = (frame: TaskFrame, at: number) => {
    if (frame.type === "task") {
      seen.add(frame.task.id);
      if (seen.size === agents.length) ready.resolve();
    } else if (frame.type !== "entries") {
      failed ??= new Error(`The watcher was told: ${JSON.stringify(frame).slice(0, 200)}`);
    } else {
      for (const { messageType, content } of frame.items) {
        if (messageType !== "assistant" || !waiting) continue;
        waiting.latencies.push(at - Number.parseFloat(content));
        waiting.left -= 1;
      }
      if (waiting && waiting.left <= 0) waiting.resolve(waiting.latencies);
    }
  };
  socket.on("message", (data) => {
    const at = performance.now();
    take(JSON.parse(String(data)) as TaskFrame, at);
  });
  for (const { spec } of agents) {
    socket.send(
      JSON.stringify({ type: "subscribe", taskId: spec.taskId, after: 0 } satisfies SubscribeFrame),
    );
  }
  await ready.promise;
  return {
    async expect(lines) {
      const all = await new Promise<number[]>((resolve, reject) => {
        if (failed) return reject(failed);
        waiting = { left: lines, latencies: [], resolve };
      });
      waiting = undefined;
      return all;
    },
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
