/** Ctrl-C and SIGTERM, from the moment that there is something to stop. */

/** Calls back at each; until it is disposed of, neither ends the process by itself. */
export function onInterrupt(callback: () => void): Disposable {
  process.on("SIGINT", callback);
  process.on("SIGTERM", callback);
  return {
    [Symbol.dispose]() {
      process.off("SIGINT", callback);
      process.off("SIGTERM", callback);
    },
  };
}

export interface HeldInterrupts extends Disposable {
  /** Hands what came so far, and what comes, to `callback`. */
  take(callback: () => void): Disposable;
}

/** Holds interrupts that come while a request is on its way, for whoever takes them over after it. */
export function holdInterrupts(): HeldInterrupts {
  let held = 0;
  const holding = onInterrupt(() => {
    held += 1;
  });
  return {
    take(callback) {
      const taken = onInterrupt(callback);
      holding[Symbol.dispose]();
      for (; held > 0; held -= 1) callback();
      return taken;
    },
    [Symbol.dispose]: () => holding[Symbol.dispose](),
  };
}
