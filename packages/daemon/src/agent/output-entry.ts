/** An agent's event → the entry of the task's history that shows it. */
import type { AgentEvent } from "@makima/protocol/agent-event";
import type { OutputEntry } from "@makima/protocol/history";
import type { Redactor } from "../process/redact.ts";
import { cleanText, cleanValue } from "./clean.ts";

/** More of one entry's content, or of its tool input, is cut. */
export const MOST_CONTENT_BYTES = 256 * 1024;

/** Everything that is in the event and not in the time it came. */
type Shown = Omit<OutputEntry, "at">;

/**
 * The entry for `event` that came at `at` (epoch ms), masked and bounded; `undefined` for events that only
 * steer the daemon. Questions and permission requests are entered by whoever asks the person.
 */
export function outputEntry(event: AgentEvent, at: number, redactor?: Redactor): OutputEntry | undefined {
  const shown = show(event);
  if (!shown) return undefined;
  const { toolInput, ...rest } = shown;
  return {
    at: new Date(at).toISOString(),
    ...rest,
    content: cleanText(shown.content, redactor, MOST_CONTENT_BYTES),
    ...(rest.toolName === undefined ? {} : { toolName: cleanText(rest.toolName, redactor, 1024) }),
    ...(toolInput === undefined ? {} : { toolInput: cleanValue(toolInput, redactor, MOST_CONTENT_BYTES) }),
  };
}

/** A line of the agent's stderr as an entry. */
export function stderrEntry(text: string, at: number, redactor?: Redactor): OutputEntry {
  return {
    at: new Date(at).toISOString(),
    messageType: "stderr",
    content: cleanText(text, redactor, MOST_CONTENT_BYTES),
  };
}

function show(event: AgentEvent): Shown | undefined {
  switch (event.type) {
    case "session":
      return {
        messageType: "system",
        content: `Session ${event.sessionId}${event.model === undefined ? "" : `, model ${event.model}`}`,
      };
    case "text":
      return { messageType: "assistant", content: event.text, ...ofSubagent(event) };
    case "thinking":
      return { messageType: "thinking", content: event.text };
    case "toolCall":
      return {
        messageType: "tool_use",
        content: summaryOf(event.input),
        toolName: event.name,
        toolInput: event.input ?? {},
      };
    case "toolResult":
      return { messageType: "tool_result", content: event.content, isError: event.isError };
    case "rateLimit":
      if (event.status === "allowed") return undefined;
      return { messageType: "notice", content: rateLimitText(event), isError: event.status === "rejected" };
    case "apiRetry":
      return {
        messageType: "notice",
        content: `The model could not be reached (${event.status ?? event.error ?? "no answer"}); attempt ${event.attempt} of ${event.maxRetries} in ${Math.round(event.delayMs / 1000)} s`,
      };
    case "error":
      return { messageType: "error", content: event.message, isError: true };
    case "compaction":
      return { messageType: "notice", content: `Conversation compaction ${event.phase}` };
    case "echo":
      return { messageType: "user", content: event.text };
    case "result":
      return {
        messageType: "result",
        content: [event.text, ...event.errors].filter(Boolean).join("\n") || event.subtype,
        isError: event.isError,
        costUsd: event.costUsd,
        durationMs: Math.round(event.durationMs),
      };
    case "notice":
      return { messageType: "notice", content: noticeText(event.subtype, event.data), toolInput: event.data };
    case "raw":
      return { messageType: "raw", content: event.text };
    case "unknownRequest":
      return {
        messageType: "notice",
        content: `The agent asked for "${event.subtype}", which makima declined`,
      };
    case "permissionRequest":
    case "question":
    case "requestCancelled":
    case "context":
    case "controlReply":
      return undefined;
  }
}

/** What a subagent says is told apart by the tool that speaks for it. */
function ofSubagent(event: { subagent: boolean }): { toolName?: string } {
  return event.subagent ? { toolName: "subagent" } : {};
}

const TELLING = ["command", "file_path", "path", "pattern", "url", "query", "description", "prompt"];

/** The one value of a tool's input that says most. */
function summaryOf(input: unknown): string {
  if (typeof input !== "object" || input === null) return "";
  const values = new Map(Object.entries(input));
  for (const key of TELLING) {
    const value: unknown = values.get(key);
    if (typeof value === "string" && value !== "") return value.slice(0, 2000);
  }
  return "";
}

function noticeText(subtype: string, data: unknown): string {
  const fields: unknown[] =
    typeof data === "object" && data !== null
      ? ["hook_name", "summary", "description", "text"].map((key) => new Map(Object.entries(data)).get(key))
      : [];
  const telling = fields.find((field) => typeof field === "string" && field !== "");
  return telling === undefined ? subtype : `${subtype}: ${String(telling)}`;
}

function rateLimitText(event: { status: string; limitType?: string; resetsAt?: number }): string {
  const which = event.limitType === undefined ? "Rate limit" : `Limit ${event.limitType}`;
  const until =
    event.resetsAt === undefined || !Number.isFinite(new Date(event.resetsAt).getTime())
      ? ""
      : `, resets at ${new Date(event.resetsAt).toISOString()}`;
  return `${which}: ${event.status}${until}`;
}
