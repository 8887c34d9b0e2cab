/** Control lines: what the agent asks of its host, and its replies to what the host asked. */
import type { AgentEvent } from "@makima/protocol/agent-event";
import { whenShaped } from "./shape.ts";
import { wireControlCancel, wireControlRequest, wireControlResponse, wireQuestions } from "./wire.ts";

export function controlEvents(type: string, line: Record<string, unknown>): AgentEvent[] {
  switch (type) {
    case "control_request":
      return whenShaped(wireControlRequest, line, type, ({ request_id: requestId, request }) => {
        if (request.subtype !== "can_use_tool") {
          return [{ type: "unknownRequest", requestId, subtype: request.subtype ?? "unknown" }];
        }
        const asked =
          request.tool_name === "AskUserQuestion" ? asQuestion(requestId, request.input) : undefined;
        return [
          asked ?? {
            type: "permissionRequest",
            requestId,
            toolName: request.tool_name ?? "unknown",
            input: request.input,
          },
        ];
      });
    case "control_cancel_request":
      return whenShaped(wireControlCancel, line, type, ({ request_id: requestId }) => [
        { type: "requestCancelled", requestId },
      ]);
    default:
      return whenShaped(wireControlResponse, line, type, ({ response }) => [
        { type: "controlReply", requestId: response.request_id, ok: response.subtype === "success" },
      ]);
  }
}

function asQuestion(requestId: string, input: unknown): AgentEvent | undefined {
  const parsed = wireQuestions.safeParse(input);
  if (!parsed.success) return undefined;
  const questions = parsed.data.questions.map(({ question, header, options, multiSelect }) => ({
    question,
    multiSelect,
    options: options.map(({ label, description }) =>
      description === undefined ? { label } : { label, description },
    ),
    ...(header === undefined ? {} : { header }),
  }));
  return { type: "question", requestId, questions, input };
}
