/** How long to wait before the next attempt: doubling, with jitter, so that many do not come at once. */
export interface Backoff {
  /** Milliseconds before the second attempt. */
  minMs: number;
  maxMs: number;
}

export const BACKOFF: Backoff = { minMs: 250, maxMs: 15_000 };

/** `attempt` counts from 1; `random` gives 0 up to 1. Between half and all of the doubled time. */
export function backoffMs(backoff: Backoff, attempt: number, random: number): number {
  const full = Math.min(backoff.maxMs, backoff.minMs * 2 ** Math.min(attempt - 1, 30));
  return Math.round(full * (0.5 + random / 2));
}
