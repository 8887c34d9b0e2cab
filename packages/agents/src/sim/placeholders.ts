/** Fills `{{iteration}}` and its like into whatever texts a step holds. */
import type { Turn } from "./turn.ts";

/** Every string inside `value`, filled. A name that is not known stays as it stands: it may be the file's own. */
export function fillPlaceholders<Value>(value: Value, turn: Turn): Value {
  const { session, cwd } = turn.agent;
  const facts: Readonly<Record<string, string>> = {
    iteration: String(session.state.iteration),
    prompt: turn.message,
    promptQuoted: turn.message.replaceAll(/^/gm, "> "),
    sessionId: session.id,
    shortId: session.id.slice(0, 8),
    answer: session.state.answer,
    cwd,
  };
  const fill = (text: string) =>
    text.replaceAll(/\{\{(\w+)\}\}/g, (whole, name: string) => facts[name] ?? whole);
  const walk = (part: unknown): unknown => {
    if (typeof part === "string") return fill(part);
    if (Array.isArray(part)) return part.map(walk);
    if (typeof part !== "object" || part === null) return part;
    return Object.fromEntries(Object.entries(part).map(([key, inner]) => [key, walk(inner)]));
  };
  return walk(value) as Value;
}
