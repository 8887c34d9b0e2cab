/**
 * A line of Claude Code → makima's events.
 *
 * The main agent's own words are only what an `assistant` line without parent says that is neither
 * synthetic nor replayed; everything else that has text in it becomes another kind of event, so that no gate
 * in a file, a summary or a subagent's answer can pass for the agent's.
 */
import type { AgentEvent } from "@makima/protocol/agent-event";
import type { z } from "zod";
import type { AgentParser } from "../agent.ts";
import { resultEvents } from "./parse-result.ts";
import { controlEvents } from "./parse-control.ts";
import { systemEvents } from "./parse-system.ts";
import { errorKind } from "./error-kind.ts";
import { whenShaped, type ParserState, type Wire } from "./shape.ts";
import { wireMessage, wireRateLimit, wireType, type WireBlock, type WireUsage } from "./wire.ts";

export function createParser(): AgentParser {
  const state: ParserState = { errorInTurn: false, authFailed: false, planLimit: false };
  return {
    line(text) {
      if (text.trim() === "") return [];
      let value: unknown;
      try {
        value = JSON.parse(text);
      } catch {
        return [{ type: "raw", text }];
      }
      const type = wireType.safeParse(value);
      if (!type.success) return [{ type: "raw", text }];
      return eventsOf(type.data.type, value as Wire, state);
    },
  };
}

function eventsOf(type: string, line: Wire, state: ParserState): AgentEvent[] {
  switch (type) {
    case "system":
      return systemEvents(line, state);
    case "assistant":
      return whenShaped(wireMessage, line, type, (message) => assistantEvents(message, state));
    case "user":
      return whenShaped(wireMessage, line, type, userEvents);
    case "result":
      return resultEvents(line, state);
    case "control_request":
    case "control_response":
    case "control_cancel_request":
      return controlEvents(type, line);
    case "rate_limit_event":
      return whenShaped(wireRateLimit, line, type, ({ rate_limit_info: info }) => {
        const named = info.resetsAt !== undefined || info.rateLimitType !== undefined;
        if (info.status === "rejected" && named) state.planLimit = true;
        return [
          {
            type: "rateLimit",
            status: info.status,
            ...(info.resetsAt === undefined ? {} : { resetsAt: info.resetsAt * 1000 }),
            ...(info.rateLimitType === undefined ? {} : { limitType: info.rateLimitType }),
          },
        ];
      });
    // Signs of life without content: whole messages come besides.
    case "stream_event":
    case "keep_alive":
      return [];
    default:
      return [{ type: "notice", subtype: type, data: line }];
  }
}

function assistantEvents(line: z.infer<typeof wireMessage>, state: ParserState): AgentEvent[] {
  const { message } = line;
  const subagent = line.parent_tool_use_id !== null;
  if (message.model === "<synthetic>") return syntheticEvents(line, state);
  const events = message.content.flatMap((block) => blockEvents(block, message.id, subagent));
  if (line.error !== undefined) {
    state.errorInTurn = true;
    events.push({ type: "error", kind: errorKind(line.error, "", state), message: line.error });
  }
  const tokens = message.usage ? contextTokens(message.usage) : 0;
  if (!subagent && tokens > 0 && message.id !== state.countedMessage) {
    if (message.id !== undefined) state.countedMessage = message.id;
    events.push({ type: "context", tokens });
  }
  return events;
}

/** Written by the CLI in the agent's name: an error, or a remark. */
function syntheticEvents(line: z.infer<typeof wireMessage>, state: ParserState): AgentEvent[] {
  const message = textOf(line.message.content);
  if (line.error === undefined) return [{ type: "notice", subtype: "synthetic", data: { text: message } }];
  state.errorInTurn = true;
  return [{ type: "error", kind: errorKind(line.error, message, state), message: message || line.error }];
}

function blockEvents(block: WireBlock, messageId: string | undefined, subagent: boolean): AgentEvent[] {
  switch (block.type) {
    case "text":
      if (!block.text) return [];
      return [
        { type: "text", text: block.text, subagent, ...(messageId === undefined ? {} : { messageId }) },
      ];
    case "thinking":
      return block.thinking ? [{ type: "thinking", text: block.thinking, subagent }] : [];
    case "redacted_thinking":
      return [];
    case "tool_use":
    case "server_tool_use":
      return [
        { type: "toolCall", id: block.id ?? "", name: block.name ?? "unknown", input: block.input, subagent },
      ];
    default:
      return [{ type: "notice", subtype: `block ${block.type}`, data: block }];
  }
}

function userEvents(line: z.infer<typeof wireMessage>): AgentEvent[] {
  const { content } = line.message;
  const subagent = line.parent_tool_use_id !== null;
  if (line.isReplay && !subagent) return [{ type: "echo", text: textOf(content) }];
  const events: AgentEvent[] = [];
  for (const block of content) {
    if (block.type === "tool_result") {
      events.push({
        type: "toolResult",
        id: block.tool_use_id ?? "",
        content: contentText(block.content),
        isError: block.is_error ?? false,
        subagent,
      });
    } else if (block.type === "text") {
      const subtype = line.isSynthetic ? "synthetic_user" : subagent ? "subagent_prompt" : "user_text";
      events.push({ type: "notice", subtype, data: { text: block.text ?? "" } });
    }
  }
  return events;
}

function textOf(content: WireBlock[]): string {
  return content.map((block) => (block.type === "text" ? (block.text ?? "") : "")).join("");
}

/** A tool's result is a string or a list of blocks. */
function contentText(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content
    .map((part: unknown) => {
      if (typeof part !== "object" || part === null) return "";
      if ("text" in part && typeof part.text === "string") return part.text;
      return "type" in part && typeof part.type === "string" ? `[${part.type}]` : "";
    })
    .join("\n");
}

function contextTokens(usage: WireUsage): number {
  return (
    (usage.input_tokens ?? 0) +
    (usage.cache_creation_input_tokens ?? 0) +
    (usage.cache_read_input_tokens ?? 0) +
    (usage.output_tokens ?? 0)
  );
}
