/** `system` lines: session, retries, compaction, and remarks that are passed on as they are. */
import type { AgentEvent } from "@makima/protocol/agent-event";
import { whenShaped, type ParserState } from "./shape.ts";
import { wireCompactBoundary, wireInit, wireRetry, wireStatus } from "./wire.ts";

export function systemEvents(line: Record<string, unknown>, state: ParserState): AgentEvent[] {
  const subtype = typeof line["subtype"] === "string" ? line["subtype"] : "system";
  switch (subtype) {
    case "init":
      return whenShaped(wireInit, line, subtype, (init) => {
        if (init.model !== undefined) state.model = init.model;
        return [
          {
            type: "session",
            sessionId: init.session_id,
            ...(init.model === undefined ? {} : { model: init.model }),
            ...(init.claude_code_version === undefined ? {} : { version: init.claude_code_version }),
            ...(init.apiKeySource === undefined ? {} : { apiKeySource: init.apiKeySource }),
          },
        ];
      });
    case "api_retry":
      return whenShaped(wireRetry, line, subtype, (retry) => retryEvents(retry, state));
    case "status":
      return whenShaped(wireStatus, line, subtype, (status) => {
        if (status.status === "compacting") return [{ type: "compaction", phase: "started" }];
        if (status.compact_error !== undefined) return [{ type: "compaction", phase: "failed" }];
        if (status.compact_result === undefined) return [];
        return [{ type: "compaction", phase: status.compact_result === "success" ? "finished" : "failed" }];
      });
    case "compact_boundary":
      return whenShaped(wireCompactBoundary, line, subtype, ({ compact_metadata: data }) => [
        { type: "notice", subtype, data },
        ...(data.post_tokens === undefined ? [] : [{ type: "context" as const, tokens: data.post_tokens }]),
      ]);
    // Comes many times a second while the model thinks, and says nothing.
    case "thinking_tokens":
      return [];
    default:
      return [{ type: "notice", subtype, data: line }];
  }
}

function retryEvents(
  retry: {
    attempt: number;
    max_retries: number;
    retry_delay_ms: number;
    error_status?: number | undefined;
    error?: string | undefined;
  },
  state: ParserState,
): AgentEvent[] {
  const events: AgentEvent[] = [
    {
      type: "apiRetry",
      attempt: retry.attempt,
      maxRetries: retry.max_retries,
      delayMs: retry.retry_delay_ms,
      ...(retry.error === undefined ? {} : { error: retry.error }),
      ...(retry.error_status === undefined ? {} : { status: retry.error_status }),
    },
  ];
  // A refused login does not mend by being tried ten times: it is final at the first.
  if (retry.error === "authentication_failed" && !state.authFailed) {
    state.authFailed = true;
    const status = retry.error_status === undefined ? "" : ` (${retry.error_status})`;
    events.push({ type: "error", kind: "auth", message: `Authentication failed${status}` });
  }
  return events;
}
