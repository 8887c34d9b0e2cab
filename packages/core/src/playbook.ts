/**
 * What to do about each class of error, as data.
 *
 * A play says how often to try again, after how long, in the same session or a fresh one, what to do when
 * that is used up, whom to tell, and whether the failed try counts as an iteration. Three sorts: what passes
 * by itself (busy servers, networks) is waited for; what a session chokes on (crashes, a full context) is
 * tried again, in the end afresh; what only a person or a clock can mend parks the task at once, so that it
 * holds no slot meanwhile.
 */
import type { ErrorKind, ParkReason } from "./task.ts";

export interface Play {
  /** How many more tries one error class gets before it is used up. */
  attempts: number;
  /** First delay in ms, what each further one is multiplied by, and the longest. */
  baseMs: number;
  factor: number;
  capMs: number;
  /** From this try on (0 is the first) the session is a fresh one. */
  freshFrom: number;
  /** What becomes of the task when the tries are used up. */
  usedUp:
    | { type: "park"; reason: ParkReason; /** Looks again after this long. */ wakeAfterMs?: number }
    | { type: "fail" };
  /** Whether the try that failed counts as an iteration of the loop. */
  costsIteration: boolean;
  /** Who hears of it when it happens: the task's history, or the person too, at once. */
  tell: "history" | "person";
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;
const NEVER = Number.POSITIVE_INFINITY;

const NO_RETRY = {
  attempts: 0,
  baseMs: 0,
  factor: 1,
  capMs: 0,
  freshFrom: NEVER,
  costsIteration: false,
} as const;

export const PLAYBOOK = {
  auth: { ...NO_RETRY, usedUp: { type: "park", reason: "auth" }, tell: "person" },
  usage_limit: { ...NO_RETRY, usedUp: { type: "park", reason: "usage_limit" }, tell: "person" },
  // Together about forty minutes, and about two hours for a network.
  overloaded: {
    attempts: 10,
    baseMs: 5 * SECOND,
    factor: 2,
    capMs: 10 * MINUTE,
    freshFrom: NEVER,
    usedUp: { type: "fail" },
    costsIteration: false,
    tell: "history",
  },
  network: {
    attempts: 14,
    baseMs: 5 * SECOND,
    factor: 2,
    capMs: 15 * MINUTE,
    freshFrom: NEVER,
    usedUp: { type: "fail" },
    costsIteration: false,
    tell: "history",
  },
  context_exhausted: {
    attempts: 3,
    baseMs: 0,
    factor: 1,
    capMs: 0,
    freshFrom: 0,
    usedUp: { type: "fail" },
    costsIteration: true,
    tell: "history",
  },
  // A session that has crashed twice may be what crashes. Bounded by its attempts, so the breaker need not count it:
  // an agent that something killed before it changed a file has not got nowhere.
  crash: {
    attempts: 3,
    baseMs: 2 * SECOND,
    factor: 4,
    capMs: MINUTE,
    freshFrom: 2,
    usedUp: { type: "fail" },
    costsIteration: false,
    tell: "history",
  },
  agent_missing: { ...NO_RETRY, usedUp: { type: "park", reason: "setup_required" }, tell: "person" },
  repo: {
    attempts: 3,
    baseMs: 5 * SECOND,
    factor: 3,
    capMs: MINUTE,
    freshFrom: NEVER,
    usedUp: { type: "fail" },
    costsIteration: false,
    tell: "history",
  },
  disk_full: {
    ...NO_RETRY,
    usedUp: { type: "park", reason: "disk_full", wakeAfterMs: 5 * MINUTE },
    tell: "person",
  },
  sandbox: { ...NO_RETRY, usedUp: { type: "park", reason: "setup_required" }, tell: "person" },
  timeout: {
    attempts: 1,
    baseMs: 0,
    factor: 1,
    capMs: 0,
    freshFrom: NEVER,
    usedUp: { type: "fail" },
    costsIteration: true,
    tell: "history",
  },
  limit_reached: { ...NO_RETRY, usedUp: { type: "park", reason: "limit_reached" }, tell: "person" },
  unknown: {
    attempts: 2,
    baseMs: 5 * SECOND,
    factor: 4,
    capMs: MINUTE,
    freshFrom: 1,
    usedUp: { type: "fail" },
    costsIteration: true,
    tell: "history",
  },
} as const satisfies Record<ErrorKind, Play>;

export type Recovery =
  | { type: "retry"; delayMs: number; session: "same" | "fresh" }
  | { type: "park"; reason: ParkReason; /** Epoch ms at which it wakes by itself. */ wakeAt?: number }
  | { type: "fail" };

export interface RecoveryFacts {
  /** Epoch milliseconds. */
  now: number;
  /** When a usage limit ends, epoch milliseconds, as it was said. */
  resetsAt?: number;
  /** The session cannot be resumed: try again at once with a fresh one. */
  sessionLost?: boolean;
}

/** The play for `kind`. */
export function playFor(kind: ErrorKind): Play {
  return PLAYBOOK[kind];
}

/**
 * What to do about an error of `kind` after `attemptsSoFar` tries for it (0 at its first appearance; the
 * caller counts per kind and forgets the count when an iteration ends well). `jitter01` in [0, 1) spreads
 * the delays of many tasks that failed together: a delay is at least half of its full length.
 */
export function nextRecovery(
  kind: ErrorKind,
  attemptsSoFar: number,
  jitter01: number,
  facts: RecoveryFacts,
): Recovery {
  const play: Play = PLAYBOOK[kind];
  if (attemptsSoFar < play.attempts) {
    if (facts.sessionLost) return { type: "retry", delayMs: 0, session: "fresh" };
    const full = Math.min(play.capMs, play.baseMs * play.factor ** attemptsSoFar);
    const session = attemptsSoFar >= play.freshFrom ? "fresh" : "same";
    return { type: "retry", delayMs: Math.round(full * (0.5 + jitter01 / 2)), session };
  }
  const { usedUp } = play;
  if (usedUp.type === "fail") return { type: "fail" };
  if (kind === "usage_limit") {
    return { type: "park", reason: usedUp.reason, wakeAt: wakeAfterLimit(facts, jitter01) };
  }
  return usedUp.wakeAfterMs === undefined
    ? { type: "park", reason: usedUp.reason }
    : { type: "park", reason: usedUp.reason, wakeAt: facts.now + usedUp.wakeAfterMs };
}

/** How long a usage limit is waited out when nobody says, or what is said cannot be true. */
const UNSAID_LIMIT = 15 * MINUTE;
/** The longest limit is a week's; a day of grace for clocks and zones. */
const LONGEST_LIMIT = 8 * DAY;

/** Up to a minute after the reset, so that a hundred tasks do not wake in one second. */
function wakeAfterLimit({ now, resetsAt }: RecoveryFacts, jitter01: number): number {
  const spread = Math.round(jitter01 * MINUTE);
  const usable = resetsAt !== undefined && resetsAt > now - 60 * MINUTE && resetsAt <= now + LONGEST_LIMIT;
  if (!usable) return now + UNSAID_LIMIT + spread;
  // A reset that is just past means clocks that differ, or a limit that is about to go.
  return Math.max(resetsAt, now + MINUTE) + spread;
}
