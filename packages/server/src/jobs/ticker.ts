/**
 * Background work that is called when there is something to do: by a signal, or at the time that it said
 * itself. One run at a time; a call during a run makes one more run. An error is logged and tried again.
 */
import type { Logger } from "pino";

export interface Ticker extends AsyncDisposable {
  /** There may be something to do. */
  kick(): void;
  /** There may be something to do, and it is not urgent: many calls make one run. */
  kickSoon(): void;
  /** There will be something to do after `ms` at the latest. */
  within(ms: number): void;
}

const SOON_MS = 20;

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5000;
/** Timers of Node do not reach further; a longer wait is looked at again on the way. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** `run` answers the milliseconds until it wants to run again, or undefined to wait for a kick. */
export function startTicker(name: string, log: Logger, run: () => Promise<number | undefined>): Ticker {
  let timer: NodeJS.Timeout | undefined;
  /** When the timer goes off. */
  let due = Number.POSITIVE_INFINITY;
  let again = false;
  let closed = false;
  let busy = false;
  let working: Promise<void> | undefined;
  let soon: NodeJS.Timeout | undefined;
  let failures = 0;

  const kick = (): void => {
    again = true;
    due = Number.POSITIVE_INFINITY;
    begin();
  };
  const begin = (): void => {
    if (closed || busy || !again) return;
    busy = true;
    working = work().finally(() => {
      busy = false;
      // A call that came between the last look and here.
      begin();
    });
  };

  async function work(): Promise<void> {
    let wait: number | undefined;
    while (again && !closed) {
      again = false;
      try {
        wait = await run();
        failures = 0;
      } catch (error) {
        wait = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** failures);
        failures += 1;
        log.warn({ err: error, job: name, retryMs: wait }, "a background job failed and will be tried again");
        again = false;
      }
    }
    clearTimeout(timer);
    due = Number.POSITIVE_INFINITY;
    if (wait !== undefined) within(wait);
  }

  function within(ms: number): void {
    const wait = Math.min(LONGEST_TIMER_MS, Math.max(1, Math.ceil(ms)));
    const at = performance.now() + wait;
    if (closed || at >= due) return;
    clearTimeout(timer);
    due = at;
    timer = setTimeout(kick, wait);
    timer.unref();
  }

  const kickSoon = (): void => {
    if (closed) return;
    soon ??= setTimeout(() => {
      soon = undefined;
      kick();
    }, SOON_MS);
  };

  return {
    kick,
    kickSoon,
    within,
    async [Symbol.asyncDispose]() {
      closed = true;
      clearTimeout(timer);
      clearTimeout(soon);
      await working;
      clearTimeout(timer);
    },
  };
}
