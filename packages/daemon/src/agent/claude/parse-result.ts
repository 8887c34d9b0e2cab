/** `result` lines: the end of a turn, with what it used. */
import { classify } from "@makima/core/classify";
import type { AgentEvent } from "@makima/protocol/agent-event";
import { whenShaped, type ParserState } from "./shape.ts";
import { wireResult } from "./wire.ts";
import type { z } from "zod";

type Result = z.infer<typeof wireResult>;

export function resultEvents(line: Record<string, unknown>, state: ParserState): AgentEvent[] {
  return whenShaped(wireResult, line, "result", (result) => {
    const events = [...declaredError(result, state), asResult(result, state)];
    state.errorInTurn = false;
    state.planLimit = false;
    return events;
  });
}

function asResult(result: Result, state: ParserState): AgentEvent {
  const contextWindow = contextWindowOf(result, state);
  return {
    type: "result",
    isError: result.is_error,
    subtype: result.subtype,
    text: result.result ?? "",
    costUsd: result.total_cost_usd,
    usage: {
      inputTokens: result.usage?.input_tokens ?? 0,
      outputTokens: result.usage?.output_tokens ?? 0,
      cacheReadTokens: result.usage?.cache_read_input_tokens ?? 0,
      cacheWriteTokens: result.usage?.cache_creation_input_tokens ?? 0,
    },
    ...(contextWindow === undefined ? {} : { contextWindow }),
    numTurns: result.num_turns,
    durationMs: result.duration_ms,
    ...(result.api_error_status === undefined ? {} : { apiErrorStatus: result.api_error_status }),
    ...(result.terminal_reason === undefined ? {} : { terminalReason: result.terminal_reason }),
    errors: result.errors,
    permissionDenials: result.permission_denials.length,
  };
}

/** A turn that failed without an error of the agent's own is classed from its result; an interrupt is none. */
function declaredError(result: Result, state: ParserState): AgentEvent[] {
  if (!result.is_error || state.errorInTurn || result.subtype === "error_during_execution") return [];
  const failure = classify(
    {
      exitCode: 1,
      result: {
        isError: true,
        text: result.result ?? "",
        subtype: result.subtype,
        errors: result.errors,
        ...(result.api_error_status === undefined ? {} : { apiErrorStatus: result.api_error_status }),
        ...(result.terminal_reason === undefined ? {} : { terminalReason: result.terminal_reason }),
      },
    },
    0,
  );
  const said = [result.result ?? "", ...result.errors].join("\n").trim();
  return failure ? [{ type: "error", kind: failure.kind, message: said || result.subtype }] : [];
}

/** The main agent's; other models in the list are those of subagents and helpers. */
function contextWindowOf(result: Result, state: ParserState): number | undefined {
  const models = Object.entries(result.modelUsage);
  const own =
    models.find(([name]) => name === state.model) ?? models.find(([name]) => sameModel(name, state));
  if (own) return own[1].contextWindow;
  return models.toSorted((a, b) => (b[1].inputTokens ?? 0) - (a[1].inputTokens ?? 0))[0]?.[1].contextWindow;
}

/** `[1m]` marks a large context window and is not always there. */
function sameModel(name: string, state: ParserState): boolean {
  return name.replace(/\[.*\]$/, "") === state.model?.replace(/\[.*\]$/, "");
}
