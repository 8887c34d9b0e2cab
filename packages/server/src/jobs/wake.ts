/** Wakes parked tasks whose time has come: a usage limit that ends, a disk that is looked at again. */
import { sql } from "kysely";
import type { Deps } from "../deps.ts";
import { changeTask, holdTasks } from "./change-task.ts";
import { transact } from "./transact.ts";

/** Tasks of one transaction. */
const MOST = 200;

/** Wakes what is due; milliseconds until the next is, undefined when none waits for a time. */
export async function wakeTasks(deps: Deps): Promise<number | undefined> {
  for (;;) {
    const { rows } = await sql<{ id: string }>`
      select id from makima.task where wake_at <= clock_timestamp() order by wake_at limit ${MOST}`.execute(
      deps.db,
    );
    if (rows.length === 0) break;
    await transact(deps, async (work) => {
      for (const held of await holdTasks(
        work,
        rows.map((row) => row.id),
      )) {
        const { row } = held;
        // Someone else may have woken, continued or cancelled it meanwhile.
        if (row.wake_at === null || (row.status !== "blocked" && row.status !== "paused")) continue;
        changeTask(
          work,
          held,
          { type: "woken" },
          { detail: `its time came (${row.blocked_by ?? "paused"})` },
        );
      }
    });
  }
  const { rows } = await sql<{ ms: number | null }>`
    select extract(epoch from min(wake_at) - clock_timestamp())::double precision * 1000 as ms from makima.task
    where wake_at is not null`.execute(deps.db);
  return rows[0]?.ms ?? undefined;
}
