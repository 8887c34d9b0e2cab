/** What turns cost, in the form that is reported. */
import type { Usage } from "@makima/protocol/gate";
import type { TurnFacts } from "../agent/turn-facts.ts";
import type { RunHandle } from "./handle.ts";

export function usageOf(facts: TurnFacts): Usage {
  const { usage } = facts;
  return {
    inputTokens: usage.inputTokens,
    outputTokens: usage.outputTokens,
    cacheTokens: usage.cacheReadTokens + usage.cacheWriteTokens,
    costUsd: facts.costUsd,
    ...(facts.contextTokens === undefined ? {} : { contextTokens: facts.contextTokens }),
    ...(facts.contextWindow === undefined ? {} : { contextWindow: facts.contextWindow }),
  };
}

/** A turn that was cut off cost something all the same; it is told with the run's end. */
export function countCutOff({ run }: RunHandle, facts: TurnFacts): void {
  const { progress } = run;
  const usage = usageOf(facts);
  progress.costUsd += usage.costUsd;
  progress.cutOff = progress.cutOff ? addUsage(progress.cutOff, usage) : usage;
}

/** Sums; of the context, the newer one counts. */
function addUsage(earlier: Usage, later: Usage): Usage {
  return {
    ...earlier,
    ...later,
    inputTokens: earlier.inputTokens + later.inputTokens,
    outputTokens: earlier.outputTokens + later.outputTokens,
    cacheTokens: earlier.cacheTokens + later.cacheTokens,
    costUsd: earlier.costUsd + later.costUsd,
  };
}
