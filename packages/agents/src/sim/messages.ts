/** The shapes of claude's lines (those of 2.1.329), as pure functions of what is in them. */
import { randomBytes, randomUUID } from "node:crypto";
import type { Ledger, Tokens } from "./ledger.ts";

/** The version of claude whose lines these are. */
export const CLAUDE_VERSION = "2.1.329";
/** In place of a model's name, in every line that names one: faces tell a simulation by it. */
export const MODEL = "simulated";

export const newId = (kind: "msg" | "toolu" | "req"): string =>
  `${kind}_sim${randomBytes(9).toString("hex")}`;
const now = () => new Date().toISOString();
const FAST_MODE = { fast_mode_state: "off", fast_mode_disabled_reason: "sdk_opt_in_required" };

export type Block =
  | { type: "text"; text: string }
  | { type: "thinking"; thinking: string; signature: string }
  | { type: "tool_use"; id: string; name: string; input: object };

/** What a tool gave back: the text for the model, and the object (a string on error) beside it. */
export interface ToolOutcome {
  readonly content: string | readonly { readonly type: "text"; readonly text: string }[];
  readonly isError?: boolean;
  /** Claude leaves out `is_error: false` for tools of this kind. */
  readonly silentSuccess?: boolean;
  readonly detail: object | string;
  readonly meta?: object;
}

interface InitFacts {
  readonly sessionId: string;
  readonly cwd: string;
  readonly skipPermissions: boolean;
  readonly asksOverStdio: boolean;
  readonly memory: string;
}

export function init({ sessionId, cwd, skipPermissions, asksOverStdio, memory }: InitFacts): object {
  return {
    type: "system",
    subtype: "init",
    cwd,
    session_id: sessionId,
    tools: ["Task", ...(asksOverStdio ? ["AskUserQuestion"] : []), "Bash", "Edit", "Read", "Write"],
    mcp_servers: [],
    model: MODEL,
    permissionMode: skipPermissions ? "bypassPermissions" : "default",
    slash_commands: ["compact"],
    terminal_slash_commands: [],
    apiKeySource: "none",
    claude_code_version: CLAUDE_VERSION,
    output_style: "default",
    agents: ["general-purpose"],
    skills: [],
    plugins: [],
    capabilities: ["interrupt_receipt_v1"],
    analytics_disabled: true,
    product_feedback_disabled: true,
    served_by_anthropic: false,
    uuid: randomUUID(),
    memory_paths: { auto: memory },
    original_cwd: cwd,
    additional_directories: [],
    ...FAST_MODE,
    per_turn_effort_active: true,
    ultrathink_available: false,
    ultrathink_typed_raises: false,
    view_mode: "default",
  };
}

interface AssistantFacts {
  readonly sessionId: string;
  readonly messageId: string;
  readonly requestId: string;
  readonly block: Block;
  readonly usage: Tokens;
  readonly parent?: string | null;
}

export function assistant({ sessionId, messageId, requestId, block, usage, parent }: AssistantFacts): object {
  return {
    type: "assistant",
    message: {
      id: messageId,
      type: "message",
      role: "assistant",
      model: MODEL,
      content: [block],
      stop_reason: null,
      stop_sequence: null,
      usage: {
        input_tokens: usage.input,
        cache_creation_input_tokens: usage.cacheCreation,
        cache_read_input_tokens: usage.cacheRead,
        output_tokens: usage.output,
        service_tier: "standard",
      },
      context_management: null,
    },
    parent_tool_use_id: parent ?? null,
    session_id: sessionId,
    uuid: randomUUID(),
    timestamp: now(),
    request_id: requestId,
  };
}

export function user(sessionId: string, content: string | object[], more: object = {}): object {
  return {
    type: "user",
    message: { role: "user", content },
    parent_tool_use_id: null,
    session_id: sessionId,
    uuid: randomUUID(),
    timestamp: now(),
    ...more,
  };
}

export function toolResult(
  sessionId: string,
  toolUseId: string,
  outcome: ToolOutcome,
  parent?: string,
): object {
  const { content, isError, detail, meta } = outcome;
  const block = isError
    ? { type: "tool_result", content, is_error: true, tool_use_id: toolUseId }
    : {
        tool_use_id: toolUseId,
        type: "tool_result",
        content,
        ...(outcome.silentSuccess ? {} : { is_error: false }),
      };
  return user(sessionId, [block], {
    ...(parent === undefined ? {} : { parent_tool_use_id: parent }),
    tool_use_result: detail,
    ...(meta === undefined ? {} : { tool_result_meta: [{ id: toolUseId, ...meta }] }),
  });
}

export function system(sessionId: string, subtype: string, facts: object): object {
  return { type: "system", subtype, ...facts, uuid: randomUUID(), session_id: sessionId };
}

/** An error of the API as claude puts it in the mouth of a model called "<synthetic>". */
export function synthetic(sessionId: string, text: string, error: string, facts: object): object {
  const usage = {
    ...printUsage({ input: 0, output: 0, cacheRead: 0, cacheCreation: 0 }),
    service_tier: null,
  };
  return {
    type: "assistant",
    message: {
      diagnostics: null,
      id: randomUUID(),
      container: null,
      model: "<synthetic>",
      role: "assistant",
      stop_details: null,
      stop_reason: "stop_sequence",
      stop_sequence: "",
      type: "message",
      usage: { ...usage, output_tokens_details: null, inference_geo: null, iterations: null, speed: null },
      content: [{ type: "text", text }],
      context_management: null,
    },
    parent_tool_use_id: null,
    session_id: sessionId,
    uuid: randomUUID(),
    timestamp: now(),
    error,
    request_id: newId("req"),
    is_api_error_message: true,
    ...facts,
  };
}

export interface ResultFacts {
  readonly sessionId: string;
  readonly ledger: Ledger;
  readonly subtype: string;
  readonly isError: boolean;
  readonly numTurns: number;
  readonly durationMs: number;
  readonly stopReason: string | null;
  readonly terminalReason: string;
  readonly denials: readonly object[];
  readonly queued: number;
  readonly index: number;
  readonly subagents: number;
  /** `result` and `api_error_status` of a success, `errors` of a failure, `origin`. */
  readonly more: object;
}

/** Key order as claude's: `type` is not the first. */
export function result(facts: ResultFacts): object {
  const { ledger } = facts;
  const modelUsage = printModelUsage(ledger);
  return {
    duration_api_ms: ledger.apiMs,
    stop_reason: facts.stopReason,
    session_id: facts.sessionId,
    total_cost_usd: ledger.costUsd,
    usage: printUsage(ledger.turn),
    modelUsage,
    permission_denials: facts.denials,
    terminal_reason: facts.terminalReason,
    ...FAST_MODE,
    subagent_stats: printSubagents(facts.subagents),
    safety_stops: 0,
    is_error: facts.isError,
    num_turns: facts.numTurns,
    subtype: facts.subtype,
    ...facts.more,
    type: "result",
    duration_ms: facts.durationMs,
    uuid: randomUUID(),
    queued_turn_count: facts.queued,
    result_index: facts.index,
    model_usage_since_last_result: modelUsage,
  };
}

function printUsage(tokens: Tokens) {
  return {
    input_tokens: tokens.input,
    cache_creation_input_tokens: tokens.cacheCreation,
    cache_read_input_tokens: tokens.cacheRead,
    output_tokens: tokens.output,
    output_tokens_details: { thinking_tokens: 0 },
    server_tool_use: { web_search_requests: 0, web_fetch_requests: 0 },
    service_tier: "standard",
    cache_creation: { ephemeral_1h_input_tokens: 0, ephemeral_5m_input_tokens: tokens.cacheCreation },
    inference_geo: "",
    iterations: [],
    speed: "standard",
    fallback_credit: null,
  };
}

function printModelUsage(ledger: Ledger): object {
  const { input, output, cacheRead, cacheCreation } = ledger.process;
  if (input + output + cacheRead + cacheCreation === 0 && ledger.costUsd === 0) return {};
  return {
    [MODEL]: {
      inputTokens: input,
      outputTokens: output,
      cacheReadInputTokens: cacheRead,
      cacheCreationInputTokens: cacheCreation,
      webSearchRequests: 0,
      costUSD: ledger.costUsd,
      contextWindow: ledger.contextWindow,
      maxOutputTokens: 64_000,
      thinkingTokens: 0,
      cacheCreationEphemeral5mInputTokens: cacheCreation,
      cacheCreationEphemeral1hInputTokens: 0,
      canonicalModel: MODEL,
      provider: "simulated",
      costBasis: "simulated",
    },
  };
}

function printSubagents(spawned: number): object {
  return {
    spawned,
    requested: { background: 0, foreground: 0, unset: spawned },
    started_in_background: 0,
    max_depth: spawned > 0 ? 1 : 0,
    spawned_by_subagents: 0,
    completed: spawned,
    failed: 0,
    killed: { parent: 0, user: 0, system: 0 },
    refused: { depth_limit: 0, concurrency_limit: 0, budget: 0 },
    by_type: spawned > 0 ? { "general-purpose": spawned } : {},
  };
}
