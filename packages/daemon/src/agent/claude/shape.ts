/** What the parts of the parser share. */
import type { AgentEvent } from "@makima/protocol/agent-event";
import type { z } from "zod";

/** What a parser remembers from one line to the next. */
export interface ParserState {
  /** The main agent's model, to find its context window. */
  model?: string;
  /** Message whose usage was reported last; each of its blocks comes with the same usage. */
  countedMessage?: string;
  /** An error was reported in this turn. */
  errorInTurn: boolean;
  /** A failed login was reported: the agent repeats it for three minutes. */
  authFailed: boolean;
  /** A rejected rate limit came in this turn that names a plan's limit. */
  planLimit: boolean;
}

export type Wire = Record<string, unknown>;

/** Reads `line` by `schema`; a known type of unknown shape is kept as a notice. */
export function whenShaped<T extends z.ZodType>(
  schema: T,
  line: Wire,
  subtype: string,
  events: (value: z.infer<T>) => AgentEvent[],
): AgentEvent[] {
  const parsed = schema.safeParse(line);
  return parsed.success ? events(parsed.data) : [{ type: "notice", subtype, data: line }];
}
