/** One report, to the function of its kind. */
import type { Report } from "@makima/protocol/daemon-wire";
import { bury, runOf, type KnownRun, type ReportContext, type RunReport } from "./context.ts";
import { authRequired, authRestored, commandFailed, worktreeRemoved } from "./daemon-facts.ts";
import { messageDelivered, questionAsked, questionClosed } from "./questions.ts";
import { completionAction, runEnded } from "./run-ended.ts";
import {
  checkpointTaken,
  iterationEnded,
  iterationStarted,
  output,
  runPreparing,
  runStarted,
} from "./run-progress.ts";

/** `seq` is the report's number. One that speaks of a run that is not the daemon's is put aside. */
export async function applyOne(context: ReportContext, seq: number, report: Report): Promise<void> {
  switch (report.type) {
    case "authRequired":
      return authRequired(context, report);
    case "authRestored":
      return authRestored(context, report);
    case "worktreeRemoved":
      return worktreeRemoved(context, report);
    case "commandFailed":
      return commandFailed(context, report);
    default: {
      const run = runOf(context, report);
      if (run) return applyToRun(context, report, run);
      return bury(context, seq, report, "The run is not known, or it is not this daemon's.");
    }
  }
}

function applyToRun(context: ReportContext, report: RunReport, run: KnownRun): Promise<void> | void {
  switch (report.type) {
    case "runPreparing":
      return runPreparing(context, report);
    case "runStarted":
      return runStarted(context, report);
    case "output":
      return output(context, report);
    case "iterationStarted":
      return iterationStarted(context, report);
    case "iterationEnded":
      return iterationEnded(context, report);
    case "checkpointTaken":
      return checkpointTaken(context, report);
    case "questionAsked":
      return questionAsked(context, report);
    case "questionClosed":
      return questionClosed(context, report);
    case "messageDelivered":
      return messageDelivered(context, report);
    case "completionAction":
      return completionAction(context, report);
    case "runEnded":
      return runEnded(context, report, run);
  }
}
