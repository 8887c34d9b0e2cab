/** What turns cost, in the form that is reported. */
import type { Usage } from "@makima/protocol/gate";
import type { TurnFacts } from "../agent/turn-facts.ts";

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

/** Sums; of the context, the newer one counts. */
export function addUsage(earlier: Usage, later: Usage): Usage {
  return {
    ...earlier,
    ...later,
    inputTokens: earlier.inputTokens + later.inputTokens,
    outputTokens: earlier.outputTokens + later.outputTokens,
    cacheTokens: earlier.cacheTokens + later.cacheTokens,
    costUsd: earlier.costUsd + later.costUsd,
  };
}
