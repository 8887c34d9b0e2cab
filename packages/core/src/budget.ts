/**
 * Money and other limits of contracts and tasks.
 *
 * A tree of agents cannot overspend, because each iteration reserves before it starts, from its contract's
 * budget: the smallest of what remains, the task's own limit, and the default reservation. The agent is given
 * that as its own limit; what it really cost is settled afterwards, and a crash settles at the reservation.
 * Reserving and settling are one statement each in the store; the arithmetic is here. Amounts are US dollars;
 * 0 or undefined as a limit means none.
 */

export interface Budget {
  /** The contract's limit. */
  maxCostUsd?: number;
  /** Settled so far, by all its tasks. */
  spentUsd: number;
  /** Reserved by iterations that run now. */
  reservedUsd: number;
}

export type Reservation =
  | { ok: true; /** Passed to the agent as its limit; undefined: none. */ usd: number | undefined }
  | { ok: false; reached: LimitReached };

/** Less than this buys no turn of any model. */
const LEAST_USD = 0.01;

/**
 * What one iteration reserves. `task` is the task's own limit and what it spent; `defaultReserveUsd` is
 * `[limits] default_reserve_usd`. Without any limit on contract or task there is nothing to reserve.
 */
export function reserve(
  contract: Budget,
  task: { maxCostUsd?: number; spentUsd: number },
  defaultReserveUsd: number,
): Reservation {
  const contractLeft = limited(contract.maxCostUsd)
    ? contract.maxCostUsd - contract.spentUsd - contract.reservedUsd
    : Number.POSITIVE_INFINITY;
  const taskLeft = limited(task.maxCostUsd) ? task.maxCostUsd - task.spentUsd : Number.POSITIVE_INFINITY;
  if (taskLeft < LEAST_USD) {
    return { ok: false, reached: reachedLimit("task", "maxCostUsd", task.maxCostUsd ?? 0, task.spentUsd) };
  }
  if (contractLeft < LEAST_USD) {
    return {
      ok: false,
      reached: reachedLimit("contract", "maxCostUsd", contract.maxCostUsd ?? 0, contract.spentUsd),
    };
  }
  const least = Math.min(contractLeft, taskLeft);
  if (least === Number.POSITIVE_INFINITY) return { ok: true, usd: undefined };
  return { ok: true, usd: limited(defaultReserveUsd) ? Math.min(least, defaultReserveUsd) : least };
}

/** The budget while the iteration runs. */
export function withReservation(budget: Budget, usd: number): Budget {
  return { ...budget, reservedUsd: budget.reservedUsd + usd };
}

/** The budget after it: at `costUsd` from its last result, or at the reservation if there was none. */
export function settle(budget: Budget, reservedUsd: number, costUsd: number | undefined): Budget {
  const cost = costUsd !== undefined && Number.isFinite(costUsd) && costUsd >= 0 ? costUsd : reservedUsd;
  return {
    ...budget,
    spentUsd: budget.spentUsd + cost,
    reservedUsd: Math.max(0, budget.reservedUsd - reservedUsd),
  };
}

export type LimitName = "maxCostUsd" | "maxTokens" | "maxRuntimeSecs";
export type Limits = Partial<Record<LimitName, number>>;
export type Used = Record<LimitName, number>;

export interface LimitReached {
  of: "contract" | "task";
  limit: LimitName;
  max: number;
  used: number;
  /** A sentence for the person who is asked to raise it. */
  message: string;
}

/** The first limit that is reached, the task's before the contract's; undefined if none is. */
export function limitReached(
  task: { limits: Limits; used: Used },
  contract?: { limits: Limits; used: Used },
): LimitReached | undefined {
  const names: LimitName[] = ["maxCostUsd", "maxTokens", "maxRuntimeSecs"];
  for (const [of, owner] of [["task", task] as const, ["contract", contract] as const]) {
    for (const name of names) {
      const max = owner?.limits[name];
      if (owner && limited(max) && owner.used[name] >= max)
        return reachedLimit(of, name, max, owner.used[name]);
    }
  }
  return undefined;
}

function reachedLimit(of: "contract" | "task", limit: LimitName, max: number, used: number): LimitReached {
  const message = `The ${of}'s ${WORDS[limit](max)} is reached (${SHOWN[limit](used)} used). Raise it to go on, or stop here`;
  return { of, limit, max, used, message };
}

const WORDS: Record<LimitName, (max: number) => string> = {
  maxCostUsd: (max) => `budget of ${dollars(max)}`,
  maxTokens: (max) => `limit of ${max} tokens`,
  maxRuntimeSecs: (max) => `time limit of ${duration(max)}`,
};
const SHOWN: Record<LimitName, (used: number) => string> = {
  maxCostUsd: dollars,
  maxTokens: (used) => `${used} tokens`,
  maxRuntimeSecs: duration,
};

function dollars(usd: number): string {
  return `$${usd.toFixed(2)}`;
}

function duration(secs: number): string {
  const whole = Math.round(secs);
  if (whole < 120) return `${whole} s`;
  return whole < 7200 ? `${Math.round(whole / 60)} min` : `${(whole / 3600).toFixed(1)} h`;
}

function limited(max: number | undefined): max is number {
  return max !== undefined && max > 0;
}
