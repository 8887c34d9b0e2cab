/** Ctrl-C and SIGTERM for what runs until it is told to end: the first is gentle, the second is not. */

export interface Interrupts extends Disposable {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal;
  /** Which one it was. */
  readonly received: NodeJS.Signals | undefined;
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export function catchInterrupts(onSecond: () => never): Interrupts {
  const over = new AbortController();
  let received: NodeJS.Signals | undefined;
  const handle = (signal: NodeJS.Signals) => {
    if (received !== undefined) {
      // Closing a terminal sends several at once; only a person's second Ctrl-C or kill forces.
      if (signal !== "SIGHUP") onSecond();
      return;
    }
    received = signal;
    over.abort();
  };
  for (const signal of SIGNALS) process.on(signal, handle);
  return {
    signal: over.signal,
    get received() {
      return received;
    },
    [Symbol.dispose]() {
      for (const signal of SIGNALS) process.off(signal, handle);
    },
  };
}
