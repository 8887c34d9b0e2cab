/**
 * What one process of an agent showed, gathered from its events: all that verdict, classification, budget and
 * the next prompt need. Pure, bounded, and the same whether fed live or again from a spool after a crash.
 */
import type { RunFacts } from "@makima/core/classify";
import type { AgentEvent, AgentUsage } from "@makima/protocol/agent-event";
import type { ErrorKind } from "@makima/core/task";
import type { ExitStatus } from "../process/start.ts";
import { createGateText } from "./gate-text.ts";

type EventOf<T extends AgentEvent["type"]> = Extract<AgentEvent, { type: T }>;
export type AgentResult = EventOf<"result">;
export type PendingRequest = EventOf<"question"> | EventOf<"permissionRequest">;

export interface TurnFacts {
  /** Anything at all came on stdout. */
  heard: boolean;
  sessionId?: string;
  model?: string;
  apiKeySource?: string;
  /** Text in which the completion gate is to be looked for. */
  gateText: string;
  /** The end of what the main agent said last, for summaries. */
  lastText: string;
  /** The last result; absent when the process ended without one. */
  result?: AgentResult;
  /** Results that came: turns of this process. */
  turns: number;
  /** US dollars that the process cost. */
  costUsd: number;
  /** Summed over its turns. */
  usage: AgentUsage;
  contextTokens?: number;
  contextWindow?: number;
  toolCalls: number;
  /** The newest rate limit. */
  rateLimit?: { status: string; resetsAt?: number; limitType?: string };
  /** The newest error that the agent declared; unset once it went on working. */
  declared?: { kind: ErrorKind; message: string };
  /** The newest retry that it announced; unset once it went on working. */
  retry?: { error?: string; status?: number };
  /** A refused login was announced: nothing more will come of this process. */
  authFailed: boolean;
  /** Questions and permission requests that wait for an answer. */
  pending: PendingRequest[];
  stderrTail: string;
}

/** The facts that are cheap to look at after every batch. */
export type LiveFacts = Readonly<Omit<TurnFacts, "gateText" | "pending">>;

export interface FactsCollector {
  readonly live: LiveFacts;
  readonly pending: ReadonlyMap<string, PendingRequest>;
  add(event: AgentEvent): void;
  addStderr(text: string): void;
  /** A request was answered by makima. */
  answered(requestId: string): void;
  facts(): TurnFacts;
}

const STDERR_CHARACTERS = 16 * 1024;
const TEXT_CHARACTERS = 16 * 1024;

export function collectFacts(): FactsCollector {
  const gate = createGateText();
  const pending = new Map<string, PendingRequest>();
  const facts: Omit<TurnFacts, "gateText" | "pending"> = {
    heard: false,
    lastText: "",
    turns: 0,
    costUsd: 0,
    usage: { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 },
    toolCalls: 0,
    authFailed: false,
    stderrTail: "",
  };

  /** The model answered: what went wrong before is over. */
  function wentOn(): void {
    delete facts.declared;
    delete facts.retry;
  }

  function addResult(result: AgentResult): void {
    facts.result = result;
    facts.turns += 1;
    facts.costUsd = Math.max(facts.costUsd, result.costUsd);
    for (const key of Object.keys(facts.usage) as (keyof AgentUsage)[]) {
      facts.usage[key] += result.usage[key];
    }
    if (result.contextWindow !== undefined) facts.contextWindow = result.contextWindow;
    if (!result.isError) wentOn();
    gate.endTurn();
    pending.clear();
  }

  return {
    live: facts,
    pending,
    add(event) {
      facts.heard = true;
      switch (event.type) {
        case "session":
          facts.sessionId = event.sessionId;
          if (event.model !== undefined) facts.model = event.model;
          if (event.apiKeySource !== undefined) facts.apiKeySource = event.apiKeySource;
          return;
        case "text":
          if (event.subagent) return;
          wentOn();
          gate.add(event.text, event.messageId);
          facts.lastText = event.text.slice(-TEXT_CHARACTERS);
          return;
        case "toolCall":
          facts.toolCalls += 1;
          if (!event.subagent) wentOn();
          return;
        case "permissionRequest":
        case "question":
          pending.set(event.requestId, event);
          return;
        case "requestCancelled":
          pending.delete(event.requestId);
          return;
        case "rateLimit": {
          const { type: _, ...limit } = event;
          facts.rateLimit = limit;
          return;
        }
        case "apiRetry":
          facts.retry = {
            ...(event.error === undefined ? {} : { error: event.error }),
            ...(event.status === undefined ? {} : { status: event.status }),
          };
          if (event.error === "authentication_failed") facts.authFailed = true;
          return;
        case "error":
          facts.declared = { kind: event.kind, message: event.message };
          return;
        case "context":
          facts.contextTokens = event.tokens;
          return;
        case "result":
          addResult(event);
          return;
        default:
      }
    },
    addStderr(text) {
      facts.stderrTail = `${facts.stderrTail}${text}\n`.slice(-STDERR_CHARACTERS);
    },
    answered: (requestId) => void pending.delete(requestId),
    facts: () => ({
      ...facts,
      usage: { ...facts.usage },
      gateText: gate.text(),
      pending: [...pending.values()],
    }),
  };
}

/** The input of `classify`. `timedOut`: makima stopped the process because its time was up. */
export function toRunFacts(facts: TurnFacts, exit: ExitStatus, timedOut = false): RunFacts {
  const { result, rateLimit } = facts;
  // A rejection that names neither limit nor reset is a busy server, not a plan that is used up.
  const limited = rateLimit && (rateLimit.resetsAt !== undefined || rateLimit.limitType !== undefined);
  return {
    ...(exit.code === null ? {} : { exitCode: exit.code }),
    ...(exit.signal === null ? {} : { signal: exit.signal }),
    ...(timedOut ? { timedOut } : {}),
    ...(limited ? { rateLimit } : {}),
    ...(facts.declared ? { declared: facts.declared } : {}),
    ...(result
      ? {
          result: {
            isError: result.isError,
            text: result.text,
            subtype: result.subtype,
            errors: result.errors,
            ...(result.apiErrorStatus === undefined ? {} : { apiErrorStatus: result.apiErrorStatus }),
            ...(result.terminalReason === undefined ? {} : { terminalReason: result.terminalReason }),
          },
        }
      : {}),
    ...(facts.retry ? { retry: facts.retry } : {}),
    stderr: facts.stderrTail,
  };
}
