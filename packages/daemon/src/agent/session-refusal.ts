/** Whether an agent refused to open the session that it was given. */
import type { SessionStart } from "./agent.ts";
import type { LiveFacts } from "./turn-facts.ts";

/**
 * `not_found`: there is no such session here. `other`: it silently opened another one. `in_use`: an id for a
 * new session was used before. After each, the next process needs a fresh session with the context header.
 */
export type SessionRefusal = "not_found" | "other" | "in_use";

export function sessionRefusal(session: SessionStart, facts: LiveFacts): SessionRefusal | undefined {
  const said = [facts.stderrTail, ...(facts.result?.isError ? facts.result.errors : [])].join("\n");
  if (/No conversation found/i.test(said)) return "not_found";
  if (/Session ID \S{1,80} is already in use/i.test(said)) return "in_use";
  if (session.mode !== "new" && facts.sessionId !== undefined && facts.sessionId !== session.id) {
    return "other";
  }
  return undefined;
}
