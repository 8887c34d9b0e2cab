/**
 * What an adapter must know of its agent's protocol. Pure: it builds arguments and lines and reads lines;
 * processes, files and time belong to `agent-process.ts`.
 */
import type { AgentEvent } from "@makima/protocol/agent-event";

/** How the agent's session begins. `fork` leaves the session `from` as it is. */
export type SessionStart =
  | { mode: "new"; id: string }
  | { mode: "resume"; id: string }
  | { mode: "fork"; id: string; from: string };

export interface LaunchSpec {
  prompt: string;
  session: SessionStart;
  model?: string;
  /** Replaces the agent's own system prompt. */
  systemPrompt?: string;
  /** Is added to the agent's own system prompt. */
  appendSystemPrompt?: string;
  /** US dollars that this process may spend. */
  maxBudgetUsd?: number;
  /** The agent asks before it uses tools. */
  enablePermissions: boolean;
  disableVerbose: boolean;
  /** Arguments put before and after all others. */
  preArgs: string[];
  args: string[];
  /** Absolute folder for files that arguments name; the daemon's own, readable to the agent. */
  folder: string;
}

export interface Launch {
  args: string[];
  /** Lines for its input, to be written at once. */
  firstLines: string[];
  /** Files to be written before it starts. */
  files: { path: string; content: string }[];
  /** What was asked for and cannot be had, in sentences. */
  notes: string[];
}

export interface AgentParser {
  /** The events of one line of output. Never throws; what it does not know becomes `notice` or `raw`. */
  line(text: string): AgentEvent[];
}

/** Answers to questions: question → what the person said. */
export type Answers = Record<string, string>;

export interface Agent {
  launch(spec: LaunchSpec): Launch;
  createParser(): AgentParser;
  /** A message from the person, as a line of input. */
  userMessage(text: string): string;
  /** The text under which the agent echoes `userMessage(text)` once it took it in. */
  echoOf(text: string): string;
  interrupt(requestId: string): string;
  allow(requestId: string, updatedInput: unknown): string;
  deny(requestId: string, message: string): string;
  /** Answers questions; `input` is the one that came with them. */
  answer(requestId: string, input: unknown, answers: Answers): string;
  /** Refuses a request of a kind that makima does not know, so that the agent does not wait for ever. */
  decline(requestId: string, message: string): string;
}
