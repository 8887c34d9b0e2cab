/**
 * Contract types: the phases that a contract goes through, and what each phase owes before it is left.
 *
 * Three are built in: `simple` (plan, execute), `specification` (research to review) and `single` (one task,
 * no supervisor), which a bare run uses. People define more; `validateContractType` finds what could never
 * work: a type without phases, doubled names, a gate that can never hold.
 *
 * Phases go forward one at a time, or back to any earlier one.
 */
import { GUIDANCE } from "./phase-guidance.ts";

export interface Deliverable {
  id: string;
  required: boolean;
}

/** Which tasks a gate asks for: those of the contract, its supervisor not counted. */
export type RequiredTasks = "none" | "all_complete" | { minComplete: number } | { named: string[] };

export interface PhaseGate {
  requiredDeliverables: string[];
  requiredTasks: RequiredTasks;
  /** Says no: this phase is never left by itself. Absent: the contract decides. */
  autoAdvance?: boolean;
  /** Commands that must pass. */
  checks: string[];
}

export interface Phase {
  id: string;
  deliverables: Deliverable[];
  /** A phase without a gate is always ready. */
  gate?: PhaseGate;
  /** What good work in this phase looks like: for the supervisor's prompt and for people. */
  guidance: string;
  requiresRepository: boolean;
  requiresTasks: boolean;
  recommendedFiles: string[];
}

export interface ContractType {
  name: string;
  description: string;
  /** In their order; never empty in a valid type. */
  phases: Phase[];
  /** Whether a supervisor runs its contracts. */
  supervisor: boolean;
}

function phase(
  id: keyof typeof GUIDANCE,
  required: string[],
  rest: { optional?: string[]; repository: boolean; tasks: boolean; files: string[] },
): Phase {
  const optional = rest.optional ?? [];
  return {
    id,
    deliverables: [
      ...required.map((deliverable) => ({ id: deliverable, required: true })),
      ...optional.map((deliverable) => ({ id: deliverable, required: false })),
    ],
    gate: {
      requiredDeliverables: required,
      requiredTasks: rest.tasks ? "all_complete" : "none",
      checks: [],
    },
    guidance: GUIDANCE[id],
    requiresRepository: rest.repository,
    requiresTasks: rest.tasks,
    recommendedFiles: rest.files,
  };
}

const EXECUTE = phase("execute", ["pull-request"], { repository: true, tasks: true, files: [] });

export const CONTRACT_TYPES: readonly ContractType[] = [
  {
    name: "simple",
    description: "Plan it, then do it.",
    supervisor: true,
    phases: [
      phase("plan", ["plan-document"], { repository: true, tasks: false, files: ["plan.md"] }),
      EXECUTE,
    ],
  },
  {
    name: "specification",
    description: "Find out, specify, plan, do, review.",
    supervisor: true,
    phases: [
      phase("research", ["research-notes"], {
        repository: false,
        tasks: false,
        files: ["research-notes.md"],
      }),
      phase("specify", ["requirements-document"], {
        repository: false,
        tasks: false,
        files: ["requirements.md"],
      }),
      phase("plan", ["plan-document"], {
        optional: ["architecture-document"],
        repository: true,
        tasks: false,
        files: ["plan.md", "architecture.md"],
      }),
      EXECUTE,
      phase("review", ["release-notes"], {
        optional: ["retrospective"],
        repository: true,
        tasks: false,
        files: ["release-notes.md", "retrospective.md"],
      }),
    ],
  },
  {
    name: "single",
    description: "One task, without a supervisor.",
    supervisor: false,
    phases: [phase("execute", [], { repository: true, tasks: true, files: [] })],
  },
];

/** The built-in type of this name, or undefined. */
export function builtInType(name: string): ContractType | undefined {
  return CONTRACT_TYPES.find((type) => type.name === name);
}

/** The phase of this id, or undefined. */
export function phaseOf(type: ContractType, phaseId: string): Phase | undefined {
  return type.phases.find((candidate) => candidate.id === phaseId);
}

/** The phase after `phaseId`, or undefined after the last one and for one that the type does not have. */
export function phaseAfter(type: ContractType, phaseId: string): Phase | undefined {
  const at = type.phases.findIndex((candidate) => candidate.id === phaseId);
  return at < 0 ? undefined : type.phases[at + 1];
}

export type PhaseChange =
  | { ok: true; direction: "forward" | "back" }
  | { ok: false; refusal: { type: "unknownPhase" | "samePhase" | "skipsPhase"; allowed: string[] } };

/** Whether a contract may go from one phase to another: to the next, or back to any earlier one. */
export function isPhaseChangeAllowed(type: ContractType, from: string, to: string): PhaseChange {
  const ids = type.phases.map((candidate) => candidate.id);
  const at = ids.indexOf(from);
  const goal = ids.indexOf(to);
  const allowed = [...ids.slice(0, Math.max(0, at)), ...ids.slice(at + 1, at + 2)];
  if (at < 0 || goal < 0) return { ok: false, refusal: { type: "unknownPhase", allowed } };
  if (goal === at) return { ok: false, refusal: { type: "samePhase", allowed } };
  if (goal > at + 1) return { ok: false, refusal: { type: "skipsPhase", allowed } };
  return { ok: true, direction: goal > at ? "forward" : "back" };
}

const NAME = /^[a-z][a-z0-9-]{0,62}$/;

/** What is wrong with a type, in sentences for the person who wrote it; empty if nothing is. */
export function validateContractType(type: ContractType): string[] {
  const problems: string[] = [];
  if (!NAME.test(type.name))
    problems.push(`The name "${type.name}" must be lower-case letters, digits and hyphens`);
  if (type.phases.length === 0) problems.push("A type needs at least one phase");
  for (const id of doubled(type.phases.map((each) => each.id))) problems.push(`Phase "${id}" is there twice`);
  for (const each of type.phases) problems.push(...phaseProblems(each));
  return problems;
}

function phaseProblems({ id, deliverables, gate }: Phase): string[] {
  const problems: string[] = [];
  if (!NAME.test(id)) problems.push(`Phase "${id}" must be named in lower-case letters, digits and hyphens`);
  const has = deliverables.map((deliverable) => deliverable.id);
  for (const twice of doubled(has)) problems.push(`Phase "${id}" has deliverable "${twice}" twice`);
  if (!gate) return problems;
  for (const wanted of new Set(gate.requiredDeliverables)) {
    if (has.includes(wanted)) continue;
    problems.push(
      `The gate of phase "${id}" can never hold: it asks for "${wanted}", which the phase does not have`,
    );
  }
  const tasks = gate.requiredTasks;
  if (typeof tasks === "object" && "minComplete" in tasks) {
    const count = tasks.minComplete;
    if (!Number.isInteger(count) || count < 1) problems.push(`Phase "${id}": min_complete must be 1 or more`);
  }
  if (typeof tasks === "object" && "named" in tasks) {
    if (tasks.named.length === 0 || tasks.named.some((name) => name.trim() === "")) {
      problems.push(`The gate of phase "${id}" can never hold: it asks for named tasks without naming them`);
    }
  }
  if (gate.checks.some((check) => check.trim() === "")) problems.push(`Phase "${id}" has an empty check`);
  return problems;
}

function doubled(names: readonly string[]): string[] {
  return [...new Set(names.filter((name, at) => names.indexOf(name) !== at))];
}
