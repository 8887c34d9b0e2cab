/** The end of a run: one report, and with it the run leaves the journal. */
import type { RunOutcome } from "@makima/core/task";
import type { CompletionResult } from "@makima/protocol/daemon-wire";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { deleteRun } from "../journal/runs.ts";
import { entry, type RunContext } from "./context.ts";
import type { RunHandle } from "./handle.ts";
import { countCutOff } from "./usage.ts";

export function endRun(
  context: RunContext,
  handle: RunHandle,
  outcome: RunOutcome,
  result?: CompletionResult,
): void {
  const { run } = handle;
  // A turn that was over and is not judged is in no iteration.
  if (handle.unjudged) countCutOff(handle, handle.unjudged.exit.facts);
  handle.unjudged = undefined;
  const words = outcomeInWords(outcome);
  context.outbox.add(
    [
      ...(words === undefined
        ? []
        : [
            {
              type: "output" as const,
              ...handle.name,
              entries: [
                isAsked(outcome)
                  ? entry(context, "notice", words)
                  : entry(context, "error", words, { isError: true }),
              ],
            },
          ]),
      {
        type: "runEnded",
        ...handle.name,
        outcome,
        ...(run.progress.loop ? { loop: run.progress.loop } : {}),
        ...(result ? { result } : {}),
        ...(run.progress.cutOff ? { usage: run.progress.cutOff } : {}),
        runtimeSecs: run.runtimeMs / 1000,
      },
    ],
    (db) => deleteRun(db, run.spec.runId),
  );
  dropSpools(context, run.spec.runId);
}

/** For a run that belongs to somebody else by now: nothing is claimed about its task. */
export function abandonRun(context: RunContext, handle: RunHandle): void {
  const { runId } = handle.run.spec;
  context.outbox.add([], (db) => deleteRun(db, runId));
  dropSpools(context, runId);
}

/** Their content is in the outbox; a folder that cannot be removed costs space, nothing else. */
function dropSpools(context: RunContext, runId: string): void {
  void rm(join(context.paths.stateDir, "spools", runId), { recursive: true, force: true }).catch(
    (error: unknown) =>
      context.log.warn({ err: error, runId }, "the spool of an ended run could not be removed"),
  );
}

/** What a person asked for is no error. */
function isAsked(outcome: RunOutcome): boolean {
  return outcome.type === "parked" && outcome.reason === "paused";
}

function outcomeInWords(outcome: RunOutcome): string | undefined {
  switch (outcome.type) {
    case "done":
      return undefined;
    case "failed":
      return outcome.error.message;
    case "parked": {
      const until =
        outcome.wakeAt === undefined
          ? ""
          : ` It goes on by itself at ${new Date(outcome.wakeAt).toISOString()}.`;
      return `${outcome.detail ?? outcome.reason}${until}`;
    }
  }
}
