/** Finds or makes the session that the flags name, or gives claude's own refusal. */
import { randomUUID } from "node:crypto";
import type { Options } from "./arguments.ts";
import { Ledger } from "./ledger.ts";
import { result } from "./messages.ts";
import { SessionStore, type Session } from "./session.ts";

export type Opened =
  | { readonly ok: true; readonly session: Session }
  /** `line` goes to stdout where there is one; the exit code is 1. */
  | { readonly ok: false; readonly message: string; readonly line?: object };

interface SessionFacts {
  readonly home: string;
  readonly cwd: string;
  readonly script: string;
}

export function openSession(options: Options, { home, cwd, script }: SessionFacts): Opened {
  const store = new SessionStore(home, cwd);
  const { sessionId } = options;
  if (sessionId !== undefined && store.has(sessionId)) {
    return { ok: false, message: `Error: Session ID ${sessionId} is already in use.` };
  }
  const fresh = () => store.create(sessionId ?? randomUUID(), script);
  if (options.resume === undefined && !options.continueLast) return { ok: true, session: fresh() };

  const found = options.resume === undefined ? store.latest() : store.open(options.resume);
  if (found) {
    return { ok: true, session: options.fork ? store.fork(found, sessionId ?? randomUUID()) : found };
  }
  // --continue with nothing to continue silently begins anew.
  if (options.resume === undefined) return { ok: true, session: fresh() };
  const message = `No conversation found with session ID: ${options.resume}`;
  return { ok: false, message, line: refusedResult(message) };
}

function refusedResult(message: string): object {
  return result({
    sessionId: randomUUID(),
    ledger: new Ledger(),
    subtype: "error_during_execution",
    isError: true,
    numTurns: 0,
    durationMs: 0,
    stopReason: null,
    terminalReason: "error",
    denials: [],
    queued: 0,
    index: 0,
    subagents: 0,
    more: { errors: [message] },
  });
}
