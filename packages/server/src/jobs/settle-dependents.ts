/**
 * What the end of tasks means for those that depend on them: they become placeable, wait for fewer, or fail
 * because what they wait for will not be done.
 */
import { sql } from "kysely";
import { dependencyState } from "@makima/core/dependencies";
import { changeTask, holdTasks, touchTask } from "./change-task.ts";
import { readEdges, type Edge } from "./read-settling.ts";
import type { HeldTask, Work } from "./work.ts";

/** Called by `transact` alone, before it writes. A task that fails by it may have dependents of its own. */
export async function settleDependents(work: Work, read: Promise<Edge[]>): Promise<void> {
  for (let rows = await read; rows.length > 0; rows = await readEdges(work)) {
    const edges = Map.groupBy(rows, (row) => row.task_id);
    for (const held of await holdTasks(work, [...edges.keys()])) {
      settle(work, held, edges.get(held.row.id) ?? []);
    }
  }
}

/** Looks at the dependencies of a held pending task. `edges` are all of its own. */
export function settle(work: Work, held: HeldTask, edges: readonly Edge[]): void {
  const { row } = held;
  if (row.status !== "pending") return;
  const known = new Map(edges.map((edge) => [edge.depends_on_id, edge]));
  const state = dependencyState(
    [...known.keys()],
    (id) => work.tasks.get(id)?.row.status ?? known.get(id)?.status,
    (id) => known.get(id)?.short_id ?? id,
  );
  if (state.state === "hopeless") {
    changeTask(work, held, { type: "dependencyFailed", message: state.because }, { detail: state.because });
    return;
  }
  const left = state.state === "waiting" ? state.on : [];
  const names = left.map((id) => known.get(id)?.short_id ?? id);
  const waitingOn = left.length === 0 ? "a free slot" : `tasks ${names.join(", ")}`;
  if (row.deps_left === left.length && row.waiting_on === waitingOn) return;
  row.deps_left = left.length;
  row.waiting_on = waitingOn;
  if (left.length === 0) work.workChanged = true;
  touchTask(work, held);
}

/** The dependencies of one task as they are now. */
export async function edgesOf(work: Work, taskId: string): Promise<Edge[]> {
  const { rows } = await sql<Edge>`
    select d.task_id, d.depends_on_id, t.short_id, t.status
    from makima.task_dependency d join makima.task t on t.id = d.depends_on_id
    where d.task_id = ${taskId}`.execute(work.db);
  return rows;
}
