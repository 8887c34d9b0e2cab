/**
 * What a coding agent says, in makima's own words.
 *
 * An adapter turns one agent's wire into these; everything behind it (loop, gates, usage, history) knows
 * no other. `subagent` is true for what a subagent of the agent said: it is shown, and never looked at for
 * a completion gate. What an adapter does not understand becomes `notice` or `raw`, never an error.
 */
import type { ErrorKind } from "@makima/core/task";

export interface AgentUsage {
  inputTokens: number;
  outputTokens: number;
  /** Tokens read from and written to the provider's prompt cache. */
  cacheReadTokens: number;
  cacheWriteTokens: number;
}

export interface AgentQuestion {
  question: string;
  header?: string;
  options: { label: string; description?: string }[];
  multiSelect: boolean;
}

export type AgentEvent =
  /** The session is open. Repeated at every turn by some agents. */
  | {
      type: "session";
      sessionId: string;
      model?: string;
      version?: string;
      /** Where its key comes from, where it says so: a key in the environment wins over a login. */
      apiKeySource?: string;
    }
  | { type: "text"; text: string; subagent: boolean; messageId?: string }
  | { type: "thinking"; text: string; subagent: boolean }
  | { type: "toolCall"; id: string; name: string; input: unknown; subagent: boolean }
  | { type: "toolResult"; id: string; content: string; isError: boolean; subagent: boolean }
  /** The agent waits for leave to use a tool; answered by its adapter with `requestId`. */
  | { type: "permissionRequest"; requestId: string; toolName: string; input: unknown }
  /** The agent waits for a person's answer; `input` is what the answer must be merged into. */
  | { type: "question"; requestId: string; questions: AgentQuestion[]; input: unknown }
  /** The agent no longer waits for the answer to this request. */
  | { type: "requestCancelled"; requestId: string }
  /** The agent waits for something that makima does not know; its adapter declines it. */
  | { type: "unknownRequest"; requestId: string; subtype: string }
  | { type: "rateLimit"; status: string; /** Epoch milliseconds. */ resetsAt?: number; limitType?: string }
  | {
      type: "apiRetry";
      attempt: number;
      maxRetries: number;
      delayMs: number;
      error?: string;
      status?: number;
    }
  /** An error that the agent reports of itself, already classed by its adapter. */
  | { type: "error"; kind: ErrorKind; message: string }
  /** Context in use, seen from the usage of one message. */
  | { type: "context"; tokens: number }
  | { type: "compaction"; phase: "started" | "finished" | "failed" }
  /** The agent took in a message written to it. */
  | { type: "echo"; text: string }
  | { type: "controlReply"; requestId: string; ok: boolean }
  /** One turn is over. Cost and usage of the model are cumulative within one process. */
  | {
      type: "result";
      isError: boolean;
      subtype: string;
      text: string;
      /** US dollars since the process started. */
      costUsd: number;
      usage: AgentUsage;
      contextWindow?: number;
      numTurns: number;
      durationMs: number;
      apiErrorStatus?: number;
      terminalReason?: string;
      errors: string[];
      permissionDenials: number;
    }
  | { type: "notice"; subtype: string; data: unknown }
  /** A line that is no JSON or no known shape, kept as it came. */
  | { type: "raw"; text: string };
