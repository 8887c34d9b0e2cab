/**
 * Which daemon a task goes to.
 *
 * A daemon fits a task when it is connected, not draining, has a free slot, has every label that is asked
 * for, has the agent, and, for a local repository, is on the repository's host. Of those that fit, the one
 * that has the task's worktree is preferred; then the one with most room.
 *
 * Which task goes first is not decided here: each has a stored turn, so that the front of a long queue is found
 * without looking at the rest of it.
 */

export interface DaemonCandidate {
  id: string;
  name: string;
  hostname: string;
  connected: boolean;
  draining: boolean;
  freeSlots: number;
  labels: readonly string[];
  /** Agents that it found, by name. */
  agents: readonly string[];
}

export interface PlacementAsk {
  agent: string;
  /** Every one of these must be among the daemon's. */
  labels: readonly string[];
  /** For a local repository: the only host that has it. */
  host?: string;
  /** The daemon that has the worktree of this task or of the one it continues. */
  prefer?: string;
}

/** The daemon to place the task on, or undefined if none fits now. */
export function chooseDaemon(
  ask: PlacementAsk,
  candidates: readonly DaemonCandidate[],
): DaemonCandidate | undefined {
  let best: DaemonCandidate | undefined;
  for (const daemon of candidates) {
    if (misfit(ask, daemon) === undefined && (!best || isBetter(ask, daemon, best))) best = daemon;
  }
  return best;
}

function isBetter(ask: PlacementAsk, one: DaemonCandidate, other: DaemonCandidate): boolean {
  if ((one.id === ask.prefer) !== (other.id === ask.prefer)) return one.id === ask.prefer;
  if (one.freeSlots !== other.freeSlots) return one.freeSlots > other.freeSlots;
  return one.id < other.id;
}

/** What keeps `daemon` from taking the task, worst first, or undefined if nothing does. */
export function misfit(ask: PlacementAsk, daemon: DaemonCandidate): string | undefined {
  if (!daemon.connected) return "is not connected";
  if (ask.host !== undefined && daemon.hostname !== ask.host) return "is another host";
  const lacking = ask.labels.filter((label) => !daemon.labels.includes(label));
  if (lacking.length > 0) return `lacks ${lacking.length === 1 ? "label" : "labels"} ${lacking.join(", ")}`;
  if (!daemon.agents.includes(ask.agent)) return `has no agent ${ask.agent}`;
  if (daemon.draining) return "is draining";
  if (daemon.freeSlots <= 0) return "has no free slot";
  return undefined;
}

/** Why no daemon takes the task: what it asks for and what is connected. Only for when none fits. */
export function whyWaiting(ask: PlacementAsk, candidates: readonly DaemonCandidate[]): string {
  const asked = [`agent ${ask.agent}`];
  if (ask.labels.length > 0) asked.push(`labels ${ask.labels.join(", ")}`);
  if (ask.host !== undefined) asked.push(`host ${ask.host}`);
  const connected = candidates.filter((daemon) => daemon.connected);
  if (connected.length === 0) {
    return `Needs ${asked.join(", ")}; no daemon is connected. Start one with \`makima daemon\``;
  }
  const shown = connected.slice(0, 5).map((daemon) => `${daemon.name} ${misfit(ask, daemon) ?? "fits"}`);
  const more = connected.length > 5 ? `, and ${connected.length - 5} more` : "";
  return `Needs ${asked.join(", ")}; connected: ${shown.join(", ")}${more}`;
}
