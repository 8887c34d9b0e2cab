/** What one process of the simulated agent holds, and the few things that every part of it does. */
import { setTimeout as delay } from "node:timers/promises";
import type { Options } from "./arguments.ts";
import { Asks } from "./asks.ts";
import { Inbox } from "./inbox.ts";
import { Ledger } from "./ledger.ts";
import type { Script } from "./script.ts";
import type { Session } from "./session.ts";
import type { Settings } from "./settings.ts";
import { Wire } from "./wire.ts";

/** What a turn does at the moment; an interrupt ends each in another way. */
export type Activity = "api" | "streaming" | "tool";

export interface RunningTurn {
  readonly activity: Activity;
  interrupt(): void;
}

export interface AgentParts {
  readonly options: Options;
  readonly settings: Settings;
  readonly script: Script;
  readonly session: Session;
}

export class Agent {
  readonly options: Options;
  readonly settings: Settings;
  readonly script: Script;
  readonly session: Session;
  readonly cwd = process.cwd();
  readonly wire = new Wire(process.stdout);
  readonly inbox = new Inbox();
  readonly ledger = new Ledger();
  readonly asks = new Asks(this.wire);
  turn: RunningTurn | undefined;
  /** Results so far. */
  results = 0;
  /** Exit with 0 after the turn at hand (SIGINT came). */
  leaving = false;
  /** A `hang` step that heeds nothing. */
  deaf = false;

  constructor({ options, settings, script, session }: AgentParts) {
    this.options = options;
    this.settings = settings;
    this.script = script;
    this.session = session;
  }

  /** Sends a line; those of the conversation are kept in the session's transcript too. */
  async say(line: object): Promise<void> {
    if ("message" in line) this.session.remember(line);
    await this.wire.send(line);
  }

  /** Script time: so many seconds divided by the speed. Rejects with the signal's reason. */
  async sleep(seconds: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const ms = (seconds * 1000) / this.settings.speed;
    if (ms < 1) return;
    await delay(ms, undefined, { signal }).catch(() => signal.throwIfAborted());
  }

  /** Ends the process once what was sent has left. */
  async leave(code: number): Promise<never> {
    await this.wire.bytes("");
    process.exit(code);
  }
}
