/** kill -9 of the agent at random moments; see crash-story.ts for the seed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { begin, FILES, killing, KILLS_EACH, LINES, SEED } from "./crash-story.ts";
import { assertLaws } from "./laws.ts";
import { processesOfRuns, System } from "./system.ts";

test("kill -9 of the agent at random moments loses nothing and doubles nothing", async (t) => {
  await using system = await System.start({ slots: 4 });
  let killed = 0;
  for (let round = 0; killed < KILLS_EACH; round += 1) {
    const begun = await Promise.all([0, 1, 2, 3].map((lane) => begin(system, round * 4 + lane)));
    const ended = await Promise.all(
      begun.map(async ({ task, repository }) => {
        // A third crash of one turn is waited out for half a minute, a fourth would rightly fail the task.
        const one = await killing(system, task, 2, () => killAgentOf(system, task.id));
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
