/** Writes NDJSON on stdout as claude does: one object a line, U+2028 and U+2029 escaped. */
import type { Writable } from "node:stream";

export class Wire {
  readonly #out: Writable;

  constructor(out: Writable) {
    this.#out = out;
    // Whoever read us is gone, and with it every reason to go on.
    out.on("error", () => process.exit(1));
  }

  /** Resolves once the system has taken the line, so that what was sent survives even SIGKILL. */
  send(message: object): Promise<void> {
    const line = JSON.stringify(message).replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
    return this.bytes(`${line}\n`);
  }

  bytes(bytes: string | Uint8Array): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#out.write(bytes, () => resolve());
    return promise;
  }
}
