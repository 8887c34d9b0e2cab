/** What happens by the clock while an agent works: time limits, unanswered questions, checkpoints. */
import { entry, mention, type RunContext } from "./context.ts";
import type { OpenQuestion, RunHandle } from "./handle.ts";
import type { Workplace } from "./launch.ts";
import type { StopReason } from "./run-error.ts";

export interface TurnTimers {
  stop(): Promise<void>;
}

export function startTurnTimers(
  context: RunContext,
  handle: RunHandle,
  place: Workplace,
  stop: (reason: StopReason) => void,
): TurnTimers {
  const timers = new Map<string, NodeJS.Timeout>();
  let checkpoint: Promise<unknown> = Promise.resolve();

  const after = (name: string, ms: number, act: () => void) => {
    // Longer than setTimeout can count is as good as never.
    if (ms < 2 ** 31) timers.set(name, setTimeout(act, Math.max(0, ms)));
  };
  const asked = (question: OpenQuestion) =>
    after(question.questionId, context.questionMs, () => stop("question"));
  const answered = (questionId: string) => clearTimeout(timers.get(questionId));
  handle.on("asked", asked);
  handle.on("answered", answered);

  const timeout = context.config.process.default_timeout_secs * 1000;
  if (timeout > 0) after("timeout", timeout - handle.run.runtimeMs, () => stop("timeout"));
  const allowed = handle.run.spec.limits.maxRuntimeSecs;
  if (allowed !== undefined) {
    const used = handle.run.spec.spent.runtimeSecs * 1000 + handle.run.runtimeMs;
    after("runtime", allowed * 1000 - used, () => stop("runtime"));
  }

  const every = context.config.process.heartbeat_commit_interval_secs * 1000;
  const interval =
    every > 0 &&
    setInterval(() => {
      checkpoint = checkpoint
        .then(() => place.checkpoint("while the agent works"))
        .catch((error: unknown) => {
          context.log.warn({ err: error }, "a checkpoint could not be taken");
          const text = `A checkpoint could not be taken: ${error instanceof Error ? error.message : String(error)}`;
          mention(context, handle, entry(context, "notice", text, { isError: true }));
        });
    }, every);

  return {
    async stop() {
      handle.off("asked", asked);
      handle.off("answered", answered);
      for (const timer of timers.values()) clearTimeout(timer);
      if (interval) clearInterval(interval);
      await checkpoint;
    },
  };
}
