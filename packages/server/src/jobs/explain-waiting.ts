/** Says on tasks why they wait while no daemon of their owner is connected; the dispatcher does not see those. */
import { sql } from "kysely";
import { whyWaiting } from "@makima/core/placement";
import type { Deps } from "../deps.ts";
import { holdTasks, touchTask } from "./change-task.ts";
import { transact } from "./transact.ts";

/** Tasks of one call; those in front of the queue are what people look at. */
const MOST = 100;

export async function explainWaiting(deps: Deps): Promise<void> {
  const { rows } = await sql<{ id: string; needs: string }>`
    select t.id, t.needs from makima.owner o cross join lateral (
      select t.id, t.needs, t.waiting_on from makima.task t
      where t.owner_id = o.id and t.status = 'pending' and not t.held and t.deps_left = 0
      order by t.priority desc, t.turn, t.id limit ${MOST}
    ) t
    where not exists (select from makima.daemon d where d.owner_id = o.id and d.connected)`.execute(deps.db);
  if (rows.length === 0) return;
  await transact(deps, async (work) => {
    work.dispatching = true;
    for (const held of await holdTasks(
      work,
      rows.map((row) => row.id),
    )) {
      const { row } = held;
      const [agent, host] = JSON.parse(row.needs) as [string, string | null];
      const why = whyWaiting({ agent, labels: row.labels, ...(host ? { host } : {}) }, []);
      if (row.status !== "pending" || row.waiting_on === why) continue;
      row.waiting_on = why;
      touchTask(work, held);
    }
  });
}
