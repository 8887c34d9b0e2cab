/** What waits to be taken up: the user's messages, and background commands that came to their end. */

export interface UserMessage {
  readonly kind: "message";
  readonly uuid: string;
  readonly text: string;
}

export interface BackgroundEnd {
  readonly kind: "background";
  readonly run: () => Promise<void>;
  readonly say: string;
}

export type Incoming = UserMessage | BackgroundEnd;

export class Inbox {
  readonly #queue: Incoming[] = [];
  #waiting: ((next: Incoming | undefined) => void) | undefined;
  #closed = false;
  #holds = 0;
  readonly #end = Promise.withResolvers<void>();

  /** Resolves when nothing more comes from outside. */
  untilClosed(): Promise<void> {
    return this.#end.promise;
  }

  get waitingMessages(): UserMessage[] {
    return this.#queue.filter((item) => item.kind === "message");
  }

  put(item: Incoming): void {
    this.#queue.push(item);
    this.#wake();
  }

  /** Nothing more comes from outside. */
  close(): void {
    this.#closed = true;
    this.#end.resolve();
    this.#wake();
  }

  /** Something may still come although the input is closed (a background command runs). */
  hold(): void {
    this.#holds += 1;
  }

  release(): void {
    this.#holds -= 1;
    this.#wake();
  }

  /** The next thing to take up; undefined when nothing can come any more. */
  next(): Promise<Incoming | undefined> {
    const { promise, resolve } = Promise.withResolvers<Incoming | undefined>();
    this.#waiting = resolve;
    this.#wake();
    return promise;
  }

  /** Messages that came meanwhile, taken out: they are folded into the turn that runs. */
  takeMessages(): UserMessage[] {
    const messages = this.waitingMessages;
    const others = this.#queue.filter((item) => item.kind !== "message");
    this.#queue.splice(0, this.#queue.length, ...others);
    return messages;
  }

  #wake(): void {
    const waiting = this.#waiting;
    if (!waiting) return;
    const next = this.#queue.shift();
    if (next === undefined && !(this.#closed && this.#holds === 0)) return;
    this.#waiting = undefined;
    waiting(next);
  }
}
