/**
 * Runs in the journal that this version cannot read, because a newer one wrote them or a fault damaged them. They
 * must not keep the daemon from starting: they are ended as failed, and their rows are kept where nothing runs
 * from them.
 */
import { putAside, unreadableRuns } from "../journal/runs.ts";
import type { RunContext } from "./context.ts";

/** To be called before anything is taken up from the journal. */
export function putAsideUnreadable({ journal, outbox, log, now }: RunContext): void {
  for (const run of unreadableRuns(journal)) {
    const { runId, taskId, epoch, runtimeMs, why } = run;
    log.error({ runId, taskId, why }, "a run in the journal cannot be read; it was put aside");
    const message =
      "The daemon was started again and cannot read what its journal says about this run, perhaps because another version wrote it. The run is over; its worktree and its checkpoints are kept. Go on from them with: makima tasks retry";
    outbox.add(
      [
        {
          type: "runEnded",
          runId,
          taskId,
          epoch,
          outcome: { type: "failed", error: { kind: "unknown", message } },
          runtimeSecs: runtimeMs / 1000,
        },
      ],
      (db) => putAside(db, run, new Date(now()).toISOString()),
    );
  }
}
