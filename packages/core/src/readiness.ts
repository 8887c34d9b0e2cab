/**
 * Whether a phase may be left, and what is missing if not.
 *
 * The one place that knows. Phase changes, automatic advance, completion checks, command line and pages
 * all ask here, so that they cannot disagree. A phase without a gate is ready.
 *
 * Tasks: a supervisor is none of its contract's tasks, and a cancelled task is no longer asked for. "All
 * tasks complete" is not true of no tasks: a gate must have looked at something.
 */
import { phaseOf, type ContractType, type PhaseGate, type RequiredTasks } from "./contract-type.ts";
import type { TaskStatus } from "./task.ts";

export interface ReadinessFacts {
  type: ContractType;
  phase: string;
  /** Ids of the phase's deliverables that are marked as there. */
  deliverables: readonly string[];
  /** Tasks of the contract. */
  tasks: readonly { name: string; status: TaskStatus; supervisor?: boolean }[];
  /** Outcomes of the gate's checks; one that was not run is missing. */
  checks: readonly { command: string; ok: boolean }[];
  hasRepository: boolean;
  autoAdvance: AutoAdvance;
}

/** What decides whether a phase advances by itself; the first that says no decides. */
export interface AutoAdvance {
  /** The feature flag `auto_complete`. */
  flag: boolean;
  /** The contract's `autoCompleteEnabled`. */
  contract: boolean;
  /** `[contracts] auto_advance_phases`. */
  config: boolean;
}

export interface Readiness {
  phase: string;
  ready: boolean;
  missing: string[];
  autoAdvanceEnabled: boolean;
}

/** Whether the phase's gate holds. A phase that the type does not have is not ready. */
export function phaseReadiness(facts: ReadinessFacts): Readiness {
  const found = phaseOf(facts.type, facts.phase);
  const gate = found?.gate;
  const { flag, contract, config } = facts.autoAdvance;
  const autoAdvanceEnabled = flag && gate?.autoAdvance !== false && contract && config;
  const missing = found ? [] : [`Phase: ${facts.type.name} has no phase ${facts.phase}`];
  if (gate) {
    missing.push(...missingDeliverables(gate, facts.deliverables));
    if (found.requiresRepository && !facts.hasRepository) missing.push("Repository: none");
    missing.push(...missingTasks(gate.requiredTasks, found.requiresTasks, facts.tasks));
    missing.push(...missingChecks(gate, facts.checks));
  }
  return { phase: facts.phase, ready: missing.length === 0, missing, autoAdvanceEnabled };
}

function missingDeliverables(gate: PhaseGate, marked: readonly string[]): string[] {
  return gate.requiredDeliverables.filter((id) => !marked.includes(id)).map((id) => `Deliverable: ${id}`);
}

function missingTasks(required: RequiredTasks, needsTasks: boolean, all: ReadinessFacts["tasks"]): string[] {
  const tasks = all.filter((task) => !task.supervisor && task.status !== "cancelled");
  const done = tasks.filter((task) => task.status === "done");
  if (typeof required === "object" && "named" in required) {
    const open = required.named.filter((name) => !done.some((task) => task.name === name));
    return open.map((name) => `Task: ${name}`);
  }
  if (typeof required === "object") return incomplete(required.minComplete - done.length);
  if (tasks.length === 0) return needsTasks || required === "all_complete" ? ["No tasks yet"] : [];
  return required === "all_complete" ? incomplete(tasks.length - done.length) : [];
}

function incomplete(count: number): string[] {
  if (count <= 0) return [];
  return [count === 1 ? "1 task incomplete" : `${count} tasks incomplete`];
}

function missingChecks(gate: PhaseGate, checks: ReadinessFacts["checks"]): string[] {
  return gate.checks
    .filter((command) => !checks.some((check) => check.command === command && check.ok))
    .map((command) => {
      const ran = checks.some((check) => check.command === command);
      return `Check: ${command} ${ran ? "failed" : "has not run"}`;
    });
}
