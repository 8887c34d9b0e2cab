/**
 * Commands on their way to one daemon: out of the database, in order, a window of them unacknowledged at a
 * time. What was sent and not acknowledged when a connection ended is sent again on the next one.
 */
import { MAX_BATCH_BYTES, type Command } from "@makima/protocol/daemon-wire";

export interface StoredCommand {
  /** Number of the command within its daemon. */
  seq: number;
  command: Command;
}

export interface CommandLineOptions {
  /** Highest number that the daemon has. */
  received: number;
  read(after: number, limit: number): Promise<StoredCommand[]>;
  /** Forgets commands up to a number. */
  acknowledge(upTo: number): Promise<void>;
  send(text: string): void;
  failed(error: unknown): void;
}

/** Commands that may be on their way at a time. */
const WINDOW = 64;

export class CommandLine {
  readonly #options: CommandLineOptions;
  #sent: number;
  /** Highest number that was ever sent; what is sent again may be acknowledged by its first copy. */
  #highest: number;
  #acknowledged: number;
  #stored: number;
  #busy = false;
  #again = false;
  #closed = false;
  #acknowledgedAtBeat = 0;
  #beatsWaited = 0;

  constructor(options: CommandLineOptions) {
    this.#options = options;
    this.#sent = options.received;
    this.#highest = options.received;
    this.#acknowledged = options.received;
    this.#stored = options.received;
  }

  /** Looks for commands to send; calls while it looks make it look once more. */
  pump(): void {
    this.#again = true;
    if (this.#busy) return;
    this.#busy = true;
    void this.#work();
  }

  /** The daemon has commands up to here. False: it speaks of some that it was never sent. */
  acknowledged(upTo: number): boolean {
    if (upTo > this.#highest) return false;
    this.#acknowledged = Math.max(this.#acknowledged, upTo);
    this.#sent = Math.max(this.#sent, this.#acknowledged);
    this.pump();
    return true;
  }

  /** At each heartbeat: what was sent two of them ago and is not acknowledged was lost on the way, and goes again. */
  beat(): void {
    const waits = this.#sent > this.#acknowledged && this.#acknowledgedAtBeat === this.#acknowledged;
    this.#beatsWaited = waits ? this.#beatsWaited + 1 : 0;
    this.#acknowledgedAtBeat = this.#acknowledged;
    if (this.#beatsWaited < 2) return;
    this.#beatsWaited = 0;
    this.#sent = this.#acknowledged;
    this.pump();
  }

  close(): void {
    this.#closed = true;
  }

  async #work(): Promise<void> {
    try {
      while (this.#again && !this.#closed) {
        this.#again = false;
        await this.#sendWaiting();
        await this.#forget();
      }
    } catch (error) {
      this.#options.failed(error);
    } finally {
      this.#busy = false;
    }
  }

  async #sendWaiting(): Promise<void> {
    for (;;) {
      const room = WINDOW - (this.#sent - this.#acknowledged);
      if (room <= 0 || this.#closed) return;
      const found = await this.#options.read(this.#sent, room);
      if (found.length === 0 || this.#closed) return;
      for (const text of framesOf(found)) this.#options.send(text);
      this.#sent = found.at(-1)?.seq ?? this.#sent;
      this.#highest = Math.max(this.#highest, this.#sent);
    }
  }

  async #forget(): Promise<void> {
    const upTo = this.#acknowledged;
    if (upTo <= this.#stored) return;
    await this.#options.acknowledge(upTo);
    this.#stored = upTo;
  }
}

/** Packs commands into frames that stay far under the limit of a frame. */
function* framesOf(found: readonly StoredCommand[]): Iterable<string> {
  let first = 0;
  let items: string[] = [];
  let bytes = 0;
  const frame = () => `{"type":"commands","first":${first},"items":[${items.join(",")}]}`;
  for (const { seq, command } of found) {
    const item = JSON.stringify(command);
    const isNext = seq === first + items.length;
    if (items.length > 0 && (!isNext || bytes + item.length > MAX_BATCH_BYTES)) {
      yield frame();
      items = [];
      bytes = 0;
    }
    if (items.length === 0) first = seq;
    items.push(item);
    bytes += item.length;
  }
  if (items.length > 0) yield frame();
}
