/** Questions to one daemon that wait for its reply while a person waits for ours. */
import { randomUUID } from "node:crypto";
import { PROBLEMS, type ProblemCode } from "@makima/protocol/problem";
import type { DaemonFrame, Query, ServerFrame } from "@makima/protocol/daemon-wire";
import { done, refused, type Outcome } from "../outcome.ts";

type Reply = Extract<DaemonFrame, { type: "reply" }>;

/** Questions that may wait for one daemon at a time. */
const MOST = 100;

export class QueryDesk {
  readonly #waiting = new Map<string, (outcome: Outcome<unknown>) => void>();
  readonly #send: (frame: ServerFrame) => void;

  constructor(send: (frame: ServerFrame) => void) {
    this.#send = send;
  }

  ask(query: Query, timeoutMs: number): Promise<Outcome<unknown>> {
    if (this.#waiting.size >= MOST) {
      return Promise.resolve(
        refused("NO_DAEMON", "The daemon has too many questions to answer already. Try again in a moment."),
      );
    }
    return new Promise((resolve) => {
      const requestId = randomUUID();
      const settle = (outcome: Outcome<unknown>) => {
        clearTimeout(timer);
        this.#waiting.delete(requestId);
        resolve(outcome);
      };
      const timer = setTimeout(() => {
        settle(refused("NO_DAEMON", `The daemon did not answer within ${timeoutMs / 1000} seconds.`));
      }, timeoutMs);
      this.#waiting.set(requestId, settle);
      this.#send({ type: "query", requestId, query });
    });
  }

  /** A reply to a question that nobody waits for any more is dropped. */
  answered({ requestId, result }: Reply): void {
    const settle = this.#waiting.get(requestId);
    if (!settle) return;
    settle(result.ok ? done(result.value) : refused(codeOf(result.code), result.message));
  }

  /** The connection ended; nobody will answer. */
  close(): void {
    const outcome = refused("NO_DAEMON", "The daemon's connection ended before it answered. Try again.");
    for (const settle of this.#waiting.values()) settle(outcome);
  }
}

/** A daemon's own word for what went wrong, where it is one of ours. */
function codeOf(code: string): ProblemCode {
  return code in PROBLEMS && code !== "UNAUTHORIZED" ? (code as ProblemCode) : "NO_DAEMON";
}
