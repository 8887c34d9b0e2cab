/** The lines with which a turn ends: what an interrupt or an error leaves, then the result. */
import type { Agent } from "./agent.ts";
import { result, synthetic, toolResult, user } from "./messages.ts";
import type { Ending, Turn } from "./turn.ts";

const REJECTED =
  "The user doesn't want to proceed with this tool use. The tool use was rejected (eg. if it was a file edit, the new_string was NOT written to the file). STOP what you are doing and wait for the user to tell you how to proceed.";

/** Sends the end of a turn; gives whether it is an error, on which the exit code of the process depends. */
export async function endTurn(turn: Turn, ending: Ending, more: object = {}): Promise<boolean> {
  const { agent } = turn;
  if (ending.kind === "interrupted") await sendInterrupted(turn);
  if (ending.kind === "apiError") {
    await agent.say(synthetic(agent.session.id, ending.text, ending.error, ending.facts));
  }
  const isError = ending.kind !== "completed";
  await sendResult(agent, {
    ...describe(turn, ending),
    isError,
    durationMs: Math.round(performance.now() - turn.began),
    denials: turn.denials,
    subagents: turn.subagents,
    extra: more,
  });
  return isError;
}

interface Described {
  readonly subtype: string;
  readonly numTurns: number;
  readonly stopReason: string | null;
  readonly terminalReason: string;
  readonly body: object;
}

function describe(turn: Turn, ending: Ending): Described {
  const { rounds, stopReason } = turn;
  switch (ending.kind) {
    case "completed": {
      const ttft = Math.round(turn.firstBlockMs ?? 0);
      const times = {
        ttft_ms: ttft,
        ttft_stream_ms: ttft,
        time_to_request_ms: 0,
        first_content_frame_ms: ttft,
      };
      return {
        subtype: "success",
        numTurns: rounds,
        stopReason: "end_turn",
        terminalReason: "completed",
        body: { api_error_status: null, result: turn.lastText, ...times },
      };
    }
    case "interrupted": {
      const why = `[ede_diagnostic] result_type=user last_content_type=n/a stop_reason=${stopReason}`;
      return {
        subtype: "error_during_execution",
        numTurns: rounds + 2,
        stopReason,
        terminalReason: turn.toolAtWork === undefined ? "aborted_streaming" : "aborted_tools",
        body: { errors: [why] },
      };
    }
    case "apiError":
      return {
        subtype: "success",
        numTurns: rounds + 1,
        stopReason: "stop_sequence",
        terminalReason: "api_error",
        body: { ...ending.facts, result: ending.text },
      };
    case "maxTurns":
      return {
        subtype: "error_max_turns",
        numTurns: rounds + 1,
        stopReason,
        terminalReason: "max_turns",
        body: { errors: [`Reached maximum number of turns (${ending.limit})`] },
      };
    case "budget":
      return {
        subtype: "error_max_budget_usd",
        numTurns: rounds,
        stopReason,
        terminalReason: "budget_exhausted",
        body: { errors: [`Reached maximum budget ($${ending.limit})`] },
      };
  }
}

async function sendInterrupted(turn: Turn): Promise<void> {
  const { session } = turn.agent;
  const tool = turn.toolAtWork;
  if (tool !== undefined) {
    const meta = { non_execution_kind: "user-rejected" };
    const outcome = { content: REJECTED, isError: true, detail: "User rejected tool use", meta };
    await turn.agent.say(toolResult(session.id, tool, outcome));
  }
  await turn.agent.say(interruptedLine(session.id, tool !== undefined));
}

export function interruptedLine(sessionId: string, inTool: boolean): object {
  const text = inTool ? "[Request interrupted by user for tool use]" : "[Request interrupted by user]";
  return user(sessionId, [{ type: "text", text }]);
}

interface ResultLine extends Described {
  readonly isError: boolean;
  readonly durationMs: number;
  readonly denials: readonly object[];
  readonly subagents: number;
  readonly extra: object;
}

export async function sendResult(agent: Agent, line: ResultLine): Promise<void> {
  const { body, extra, ...facts } = line;
  await agent.wire.send(
    result({
      ...facts,
      sessionId: agent.session.id,
      ledger: agent.ledger,
      queued: agent.inbox.waitingMessages.length,
      index: agent.results,
      more: { ...body, ...extra },
    }),
  );
  agent.results += 1;
}
