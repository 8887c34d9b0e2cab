/**
 * The life of a contract, as a state machine.
 *
 * `created → active ⇄ {waiting_for_input, paused, blocked} → completing → completed → archived`,
 * and `failed` from any live status. The table below is the specification; a change that it does
 * not list is refused with the ones that it does. The reason that belongs to a status (`waitingFor`,
 * `blockedReason`, `failureReason`) is set with it and cleared when it is left.
 */

export const CONTRACT_STATUSES = [
  "created",
  "active",
  "waiting_for_input",
  "paused",
  "blocked",
  "completing",
  "completed",
  "failed",
  "archived",
] as const;
export type ContractStatus = (typeof CONTRACT_STATUSES)[number];

/** From each status, the statuses it may become. `archived` goes back to the one it was before: see `restoredStatus`. */
export const CONTRACT_TRANSITIONS = {
  created: ["active", "paused", "failed", "archived"],
  active: ["waiting_for_input", "paused", "blocked", "completing", "completed", "failed", "archived"],
  waiting_for_input: ["active", "paused", "blocked", "failed", "archived"],
  paused: ["active", "failed", "archived"],
  blocked: ["active", "paused", "waiting_for_input", "failed", "archived"],
  completing: ["completed", "active", "failed"],
  completed: ["active", "archived"],
  failed: ["active", "archived"],
  archived: ["completed", "failed", "created", "paused", "blocked"],
} as const satisfies Record<ContractStatus, readonly ContractStatus[]>;

export interface ContractState {
  status: ContractStatus;
  waitingFor?: string;
  blockedReason?: string;
  failureReason?: string;
  /** The status that it had when it was archived. */
  archivedFrom?: ContractStatus;
}

export type ContractRefusal = {
  type: "invalidTransition";
  from: ContractStatus;
  to: ContractStatus;
  allowed: ContractStatus[];
};

export type ContractStep = { ok: true; state: ContractState } | { ok: false; refusal: ContractRefusal };

/** The one status an archived contract may be brought back to: what was active or waiting comes back as failed. */
export function restoredStatus(archivedFrom: ContractStatus | undefined): ContractStatus {
  const before = archivedFrom ?? "failed";
  const may: readonly ContractStatus[] = CONTRACT_TRANSITIONS.archived;
  return may.includes(before) ? before : "failed";
}

/** The statuses that a contract in `state` may become. */
export function allowedStatuses(state: ContractState): ContractStatus[] {
  return state.status === "archived"
    ? [restoredStatus(state.archivedFrom)]
    : [...CONTRACT_TRANSITIONS[state.status]];
}

/**
 * Moves a contract to `to`. `reason` becomes what the new status keeps it as.
 * A move to the status it already has is refused like any other that the table does not list.
 */
export function stepContract(state: ContractState, to: ContractStatus, reason?: string): ContractStep {
  const allowed = allowedStatuses(state);
  if (!allowed.includes(to)) {
    return { ok: false, refusal: { type: "invalidTransition", from: state.status, to, allowed } };
  }
  const next: ContractState = { status: to };
  if (to === "waiting_for_input") next.waitingFor = reason ?? "input";
  if (to === "blocked") next.blockedReason = reason ?? "blocked";
  if (to === "failed") next.failureReason = reason ?? "failed";
  if (to === "archived") next.archivedFrom = state.status;
  return { ok: true, state: next };
}
