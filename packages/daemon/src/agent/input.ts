/**
 * The agent's input: messages on their way, requests to be answered, and when it may be closed.
 *
 * A message counts as delivered when the agent echoes it. Input is closed at a result when nothing is on its
 * way and nothing waits for an answer: the agent then ends by itself. What was written and never echoed is
 * given back, so that it goes into the next prompt.
 */
import type { Writable } from "node:stream";
import type { Agent } from "./agent.ts";

interface Sent {
  text: string;
  echo: string;
  resolve: (delivered: boolean) => void;
}

export interface AgentInput {
  /** Writes a line. False when input is closed. */
  write(line: string): boolean;
  /** Writes a message; resolves true once the agent took it in, false when it ended without. */
  send(text: string): Promise<boolean>;
  /** The agent echoed `text`. */
  echoed(text: string): void;
  /** Messages that are written and not echoed. */
  readonly underway: string[];
  readonly closed: boolean;
  close(): void;
  /** The process is gone: nothing more will be delivered. */
  ended(): void;
}

export function createInput(stdin: Writable, adapter: Agent): AgentInput {
  const sent: Sent[] = [];
  let closed = false;

  function write(line: string): boolean {
    if (closed || stdin.destroyed || !stdin.writable) return false;
    stdin.write(`${line}\n`);
    return true;
  }

  return {
    write,
    send(text) {
      if (!write(adapter.userMessage(text))) return Promise.resolve(false);
      return new Promise((resolve) => sent.push({ text, echo: adapter.echoOf(text), resolve }));
    },
    echoed(text) {
      const at = sent.findIndex((message) => message.echo === text);
      if (at === -1) return;
      for (const message of sent.splice(at, 1)) message.resolve(true);
    },
    get underway() {
      return sent.map((message) => message.text);
    },
    get closed() {
      return closed;
    },
    close() {
      if (closed) return;
      closed = true;
      stdin.end();
    },
    ended() {
      closed = true;
      stdin.destroy();
      for (const message of sent) message.resolve(false);
    },
  };
}
