/**
 * kill -9 of agent, daemon and server at random moments. The moments are chosen by a seed, which a failure
 * prints; MAKIMA_SEED runs another one.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { TaskView } from "@makima/protocol/api/task-schema";
import { assertLaws } from "./laws.ts";
import { seeded } from "./random.ts";
import { makeRepository } from "./repository.ts";
import { processesOfRuns, System } from "./system.ts";

const SEED = Number(process.env["MAKIMA_SEED"] ?? 20261121);
const LINES = 300;
const KILLS_EACH = 30;

/** Two iterations of lines and files; the first is not ready. */
const SCRIPT = `
turns:
  - - write: { path: one.txt, content: "one\\n" }
    - lines: { count: ${LINES}, rate: 120, prefix: line, nonce: true }
    - write: { path: two.txt, content: "two\\n" }
    - gate: { ready: false, reason: half way, blockers: [the other half] }
  - - append: { path: two.txt, content: "more\\n" }
    - commit: "feat: the other half"
    - write: { path: three.txt, content: "three\\n" }
    - gate: { ready: true, reason: all there }
`;
const FILES = { "one.txt": "one\n", "two.txt": "two\nmore\n", "three.txt": "three\n" };

function goal(index: number): string {
  return `Write three files, number ${index}`;
}

async function begin(system: System, index: number): Promise<{ task: TaskView; repository: string }> {
  const repository = makeRepository(join(system.folder, `repository-${index}`));
  const task = await system.run({ repository, goal: goal(index), script: SCRIPT, maxIterations: 40 });
  return { task, repository };
}

/** Kills while the task is under way, until it is at rest or `kills` are spent; answers how many it were. */
async function killing(
  system: System,
  task: TaskView,
  kills: number,
  once: () => Promise<boolean>,
): Promise<{ task: TaskView; killed: number }> {
  let atRest = false;
  let killed = 0;
  const end = system.follow(task.id).finally(() => {
    atRest = true;
  });
  const random = seeded(SEED + kills + Number.parseInt(task.id.slice(-6), 16));
  while (!atRest && killed < kills) {
    await Promise.race([delay(random.between(20, 1200)), end.catch(() => undefined)]);
    if (!atRest && (await once())) killed += 1;
  }
  return { task: (await end).task, killed };
}

test("kill -9 of the daemon at random moments loses nothing and doubles nothing", async (t) => {
  await using system = await System.start();
  let killed = 0;
  for (let index = 0; killed < KILLS_EACH; index += 1) {
    const { task, repository } = await begin(system, index);
    const ended = await killing(system, task, 10, async () => {
      await system.daemon.kill();
      system.daemon.start();
      return true;
    });
    killed += ended.killed;
    await assertLaws(system, ended.task, { repository, lines: LINES, files: FILES });
  }
  t.diagnostic(`${killed} kills of the daemon, seed ${SEED}`);
});

test("kill -9 of the server at random moments loses nothing and doubles nothing", async (t) => {
  await using system = await System.start();
  let killed = 0;
  for (let index = 0; killed < KILLS_EACH; index += 1) {
    const { task, repository } = await begin(system, index);
    const ended = await killing(system, task, 10, async () => {
      await system.server.kill();
      system.server.start();
      return true;
    });
    killed += ended.killed;
    await assertLaws(system, ended.task, { repository, lines: LINES, files: FILES });
  }
  t.diagnostic(`${killed} kills of the server, seed ${SEED}`);
});

test("kill -9 of the agent at random moments loses nothing and doubles nothing", async (t) => {
  await using system = await System.start({ slots: 4 });
  let killed = 0;
  for (let round = 0; killed < KILLS_EACH; round += 1) {
    const begun = await Promise.all([0, 1, 2, 3].map((lane) => begin(system, round * 4 + lane)));
    const ended = await Promise.all(
      begun.map(async ({ task, repository }) => {
        // Three crashes of one turn are what the playbook allows; a fourth would rightly fail the task.
        const one = await killing(system, task, 3, () => killAgentOf(system, task.id));
        await assertLaws(system, one.task, { repository, lines: LINES, files: FILES });
        return one.killed;
      }),
    );
    killed += ended.reduce((sum, count) => sum + count, 0);
    assert.ok(round < 20, "the agents end before they can be killed");
  }
  t.diagnostic(`${killed} kills of agents, seed ${SEED}`);
});

async function killAgentOf(system: System, taskId: string): Promise<boolean> {
  const history = await system.history(taskId);
  const runId = history.findLast((entry) => entry.runId !== undefined)?.runId;
  const pids = runId === undefined ? [] : processesOfRuns([runId]);
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It ended on its own just now.
    }
  }
  return pids.length > 0;
}
