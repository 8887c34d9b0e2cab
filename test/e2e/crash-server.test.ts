/** kill -9 of the server at random moments; see crash-story.ts for the seed. */
import { test } from "node:test";
import { begin, FILES, killing, KILLS_EACH, LINES, SEED } from "./crash-story.ts";
import { assertLaws } from "./laws.ts";
import { System } from "./system.ts";

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
