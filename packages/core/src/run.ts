/**
 * The life of a run's lease, as a state machine.
 *
 * A run is `live` while its daemon's heartbeats renew the lease. A lease that ran out makes it `suspect`: a late
 * heartbeat is not a death, so it is not placed anew, and a daemon that comes back takes it up again at
 * the same epoch. After the grace time it is `lost`; that is final, and the task gets another run of a higher
 * epoch. No lease runs out before the server has been up for one lease, because a server that was away could
 * not hear the heartbeats.
 *
 * Times are milliseconds of one monotonic or database clock; a wall clock that jumps must not be used.
 */

export interface LeaseRules {
  leaseMs: number;
  graceMs: number;
}

export interface Lease {
  state: "live" | "suspect" | "lost";
  /** When the daemon was last heard to have the run. */
  renewedAt: number;
}

/** When the lease has run out, and when the grace after it is over. */
export function leaseEnds(
  lease: Lease,
  serverUpSince: number,
  rules: LeaseRules,
): { suspectAt: number; lostAt: number } {
  const suspectAt = Math.max(lease.renewedAt, serverUpSince) + rules.leaseMs;
  return { suspectAt, lostAt: suspectAt + rules.graceMs };
}

/** The lease as it stands at `now`. What was lost stays lost. */
export function leaseAt(lease: Lease, now: number, serverUpSince: number, rules: LeaseRules): Lease {
  if (lease.state === "lost") return lease;
  const { suspectAt, lostAt } = leaseEnds(lease, serverUpSince, rules);
  if (now >= lostAt) return { ...lease, state: "lost" };
  if (now >= suspectAt) return { ...lease, state: "suspect" };
  return lease;
}

/** The daemon says that it has the run. undefined: too late, the run is no longer its own. */
export function renewLease(lease: Lease, now: number): Lease | undefined {
  return lease.state === "lost" ? undefined : { state: "live", renewedAt: Math.max(now, lease.renewedAt) };
}

/**
 * When a daemon that was last heard by its server at `heardAt` (its own monotonic clock) must have stopped its
 * runs: a tenth before the server may give them to another.
 */
export function fenceAt(heardAt: number, rules: LeaseRules): number {
  return heardAt + (rules.leaseMs + rules.graceMs) * FENCE_SHARE;
}

const FENCE_SHARE = 0.9;
