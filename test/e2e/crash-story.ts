/**
 * kill -9 of agent, daemon and server at random moments. The moments are chosen by a seed, which a failure
 * prints; MAKIMA_SEED runs another one.
 */
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { TaskView } from "@makima/protocol/api/task-schema";
import { seeded } from "./random.ts";
import { makeRepository } from "./repository.ts";
import type { System } from "./system.ts";

export const SEED = Number(process.env["MAKIMA_SEED"] ?? 20261121);
export const LINES = 300;
export const KILLS_EACH = 30;

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
export const FILES = { "one.txt": "one\n", "two.txt": "two\nmore\n", "three.txt": "three\n" };

function goal(index: number): string {
  return `Write three files, number ${index}`;
}

export async function begin(system: System, index: number): Promise<{ task: TaskView; repository: string }> {
  const repository = makeRepository(join(system.folder, `repository-${index}`));
  const task = await system.run({ repository, goal: goal(index), script: SCRIPT, maxIterations: 40 });
  return { task, repository };
}

/** Kills while the task is under way, until it is at rest or `kills` are spent; answers how many it were. */
export async function killing(
  system: System,
  task: TaskView,
  kills: number,
  once: () => Promise<boolean>,
): Promise<{ task: TaskView; killed: number }> {
  const state = { atRest: false };
  let killed = 0;
  const end = system.follow(task.id).finally(() => {
    state.atRest = true;
  });
  const random = seeded(SEED + kills + Number.parseInt(task.id.slice(-6), 16));
  while (!state.atRest && killed < kills) {
    await Promise.race([delay(random.between(20, 1200)), end.catch(() => undefined)]);
    if (!state.atRest && (await once())) killed += 1;
  }
  return { task: (await end).task, killed };
}
