/**
 * What an ended turn was worth: checkpoint, gate, checks, breaker, verdict; recorded and reported as one
 * iteration. The rules are in core; here they are given their facts.
 */
import { classify, type Failure } from "@makima/core/classify";
import type { BreakerState } from "@makima/core/circuit-breaker";
import { findGate, type Gate } from "@makima/core/completion-gate";
import { decide, wantsChecks, type Decision, type LoopRules, type Verdict } from "@makima/core/verdict";
import type { Evidence, LoopState } from "@makima/protocol/gate";
import type { AgentExit } from "../agent/agent-process.ts";
import { cleanValue } from "../agent/clean.ts";
import { toRunFacts } from "../agent/turn-facts.ts";
import { usageOf } from "./usage.ts";
import { checkWork, type CheckedWork } from "./check-work.ts";
import { entry, reportAndSave, type RunContext } from "./context.ts";
import { handOff, needsHandOff } from "./hand-off.ts";
import type { RunHandle } from "./handle.ts";
import { redactorFor, type Workplace } from "./launch.ts";
import { loopOf } from "./loop-of.ts";
import { addProgress } from "./progress.ts";
import type { TurnEnd } from "./turn.ts";

export interface Judgement {
  decision: Decision;
  failure?: Failure;
  gate?: Gate;
  changed: boolean;
  evidence: Evidence[];
}

const NO_CHECKS: CheckedWork = { evidence: [], outcomes: [], tests: undefined };

/** Leaves its verdict in the run's progress, in one transaction with the report of the iteration. */
export async function judge(
  context: RunContext,
  handle: RunHandle,
  place: Workplace,
  turn: TurnEnd,
): Promise<void> {
  const { run } = handle;
  const loop = loopOf(handle);
  const { exit } = turn;
  const rules = rulesOf(handle);
  const failure = failureOf(exit, context.now());
  const gate = boundedGate(context, handle, findGate(exit.facts.gateText));
  const checkpoint = await place.checkpoint(`iteration ${loop.iteration + 1}`);
  const changed = checkpoint.tree !== loop.lastTree;
  const asks = wantsChecks({ rules, ...(failure ? { failure } : {}), ...(gate ? { gate } : {}) });
  const checked = asks ? await checkWork(context, handle, place, checkpoint) : NO_CHECKS;
  handle.check();
  const decision = decide({
    rules,
    breaker: loop.breaker as unknown as BreakerState,
    ...(failure ? { failure } : {}),
    ...(exit.code === null ? {} : { exitCode: exit.code }),
    ...(gate ? { gate } : {}),
    checks: checked.outcomes,
    ...(checked.tests ? { tests: checked.tests } : {}),
    changed,
  });
  const judgement: Judgement = {
    decision,
    ...(failure ? { failure } : {}),
    ...(gate ? { gate } : {}),
    changed,
    evidence: checked.evidence,
  };
  if (!failure) context.logins.worked(run.spec.agent);
  remember(loop, judgement, checkpoint.tree);
  const notes = await handOffIfNeeded(handle, place, turn, decision.verdict);
  if (!failure) await addProgress(context, handle, place, { judgement, checkpoint, since: turn.startedAt });
  run.progress.costUsd += exit.facts.costUsd;
  delete run.progress.process;
  run.progress.verdict = followed(decision.verdict, turn);
  run.phase = "judging";
  handle.unjudged = undefined;
  reportIteration(context, handle, turn, { ...judgement, notes });
}

function failureOf(exit: AgentExit, now: number): Failure | undefined {
  const { facts } = exit;
  // One that had done its turn and would not leave was made to: that is no failure of the turn.
  if (exit.stoppedBy === "linger" && facts.result && !facts.result.isError) return undefined;
  const failure = classify(toRunFacts(facts, exit), now);
  return failure && exit.sessionRefused ? { ...failure, sessionLost: true } : failure;
}

/** A fresh session is prepared for where this one is nearly full; the notes that tell it. */
async function handOffIfNeeded(
  handle: RunHandle,
  place: Workplace,
  turn: TurnEnd,
  verdict: Verdict,
): Promise<string[]> {
  const full = verdict.type === "recover" && verdict.kind === "context_exhausted";
  if (!full && (verdict.type !== "continue" || !needsHandOff(handle, turn))) return [];
  return [await handOff(handle, place, turn)];
}

/** An agent that ended while its question waited is not tried again: it goes on when there is an answer. */
function followed(verdict: Verdict, turn: TurnEnd): Verdict {
  if (verdict.type !== "recover" || turn.exit.facts.pending.length === 0) return verdict;
  const detail = "The agent ended while its question waited; it goes on when there is an answer.";
  return { type: "park", reason: "question", detail };
}

/** A gate is written by an agent: it is masked, and no deeper or larger than what is stored and sent can be. */
const MOST_GATE_BYTES = 64 * 1024;

function boundedGate(context: RunContext, handle: RunHandle, gate: Gate | undefined): Gate | undefined {
  return gate && (cleanValue(gate, redactorFor(context, handle), MOST_GATE_BYTES) as Gate);
}

export function rulesOf(handle: RunHandle): LoopRules {
  const { autonomous, singleTask, options } = handle.run.spec;
  return { supervisor: false, autonomous, singleTask, requireTests: options.requireTests };
}

function remember(loop: LoopState, judgement: Judgement, tree: string): void {
  const { decision, gate, evidence } = judgement;
  const counted = decision.breaker.iterations > loop.iteration;
  loop.breaker = decision.breaker as unknown as LoopState["breaker"];
  loop.iteration = decision.breaker.iterations;
  // What a turn changed that is no iteration counts for the one that goes on with it.
  if (counted) loop.lastTree = tree;
  if (judgement.failure) return;
  if (gate) loop.lastGate = gate;
  else delete loop.lastGate;
  loop.failedChecks = evidence
    .filter((proof) => proof.verdict === "failed")
    .map((proof) =>
      typeof proof.exitCode === "number"
        ? `${proof.criterion} (exit code ${proof.exitCode})`
        : proof.criterion,
    );
  loop.recoveries = {};
  delete loop.handoff;
}

/** The verdict in the words that people read. */
export function verdictInWords(judgement: Judgement): string {
  const { decision, gate, failure, evidence } = judgement;
  const { verdict } = decision;
  switch (verdict.type) {
    case "done":
      return verdict.unverified
        ? "done, unverified: nothing could be run that proves it"
        : "done: ready, and every check passed";
    case "continue":
      switch (verdict.because) {
        case "not_ready":
          return `not ready: ${gate?.reason ?? gate?.blockers[0] ?? "no reason given"}`;
        case "no_gate":
          return "not ready: the turn ended without a completion gate";
        case "check_failed":
          return `said ready, but a check failed: ${evidence
            .filter((proof) => proof.verdict === "failed")
            .map((proof) => proof.criterion)
            .join("; ")}`;
        case "tests_tampered":
          return "said ready, but the tests were weakened";
      }
      break;
    case "park":
      return `stopped: ${verdict.detail}`;
    case "fail":
      return `failed: ${verdict.error.message}`;
    case "recover":
      return `${failure?.kind ?? verdict.kind}: ${verdict.message}`;
  }
  return "";
}

function reportIteration(
  context: RunContext,
  handle: RunHandle,
  turn: TurnEnd,
  judgement: Judgement & { notes: string[] },
): void {
  const { exit } = turn;
  const { facts } = exit;
  const loop = loopOf(handle);
  const { maxIterations } = handle.run.spec;
  const words = verdictInWords(judgement);
  const iteration = Math.max(1, loop.iteration);
  reportAndSave(
    context,
    handle,
    {
      type: "iterationEnded",
      ...handle.name,
      iteration,
      startedAt: turn.startedAt,
      durationMs: turn.durationMs,
      exitCode: exit.code,
      signal: exit.signal,
      ...(judgement.gate ? { gate: judgement.gate } : {}),
      verdict: words,
      changed: judgement.changed,
      evidence: judgement.evidence,
      usage: usageOf(facts),
      loop: { ...loop },
    },
    {
      type: "output",
      ...handle.name,
      entries: [
        entry(context, "gate", `[iteration ${iteration}/${maxIterations}] ${words}`, {
          ...(judgement.gate ? { toolInput: judgement.gate } : {}),
          costUsd: facts.costUsd,
          durationMs: turn.durationMs,
        }),
        ...judgement.notes.map((note) => entry(context, "notice", note)),
      ],
    },
  );
}
