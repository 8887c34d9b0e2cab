/** Lines that makima writes to Claude Code. */
import type { Answers } from "../agent.ts";

const line = (value: unknown) => JSON.stringify(value);

/** What the agent gets to read: text that begins with a slash would be taken for one of its commands. */
export function asPrompt(text: string): string {
  return /^\s*\//.test(text) ? `Message:\n${text}` : text;
}

export function userMessage(text: string): string {
  return line({
    type: "user",
    message: { role: "user", content: [{ type: "text", text: asPrompt(text).toWellFormed() }] },
  });
}

export function interrupt(requestId: string): string {
  return line({ type: "control_request", request_id: requestId, request: { subtype: "interrupt" } });
}

export function allow(requestId: string, updatedInput: unknown): string {
  return reply(requestId, { behavior: "allow", updatedInput });
}

export function deny(requestId: string, message: string): string {
  return reply(requestId, { behavior: "deny", message });
}

export function answer(requestId: string, input: unknown, answers: Answers): string {
  const asked = typeof input === "object" && input !== null ? input : {};
  return allow(requestId, { ...asked, answers });
}

export function decline(requestId: string, message: string): string {
  return line({
    type: "control_response",
    response: { subtype: "error", request_id: requestId, error: message },
  });
}

function reply(requestId: string, response: unknown): string {
  return line({
    type: "control_response",
    response: { subtype: "success", request_id: requestId, response },
  });
}
