/** Where a task's work is kept in git, remembered beyond its worktree, so that it can still be shown. */
import { z } from "zod";
import type { Journal } from "./open.ts";

const placeSchema = z.object({ store: z.string(), baseCommit: z.string(), branch: z.string() });
export type WorkPlace = z.infer<typeof placeSchema>;

export function rememberPlace(journal: Journal, taskId: string, place: WorkPlace): void {
  journal.state
    .prepare(
      "insert into worktree (task_id, record) values (?, ?) on conflict (task_id) do update set record = excluded.record",
    )
    .run(taskId, JSON.stringify(place));
}

export function placeOf(journal: Journal, taskId: string): WorkPlace | undefined {
  const row = journal.state.prepare("select record from worktree where task_id = ?").get(taskId);
  return row === undefined ? undefined : placeSchema.parse(JSON.parse(String(row["record"])));
}
