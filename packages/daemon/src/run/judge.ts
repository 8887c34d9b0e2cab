/**
 * What an ended turn was worth: checkpoint, gate, checks, breaker, verdict; recorded and reported as one
 * iteration. The rules are in core; here they are given their facts.
 */
import { classify, type Failure } from "@makima/core/classify";
import type { BreakerState } from "@makima/core/circuit-breaker";
import { findGate, type Gate } from "@makima/core/completion-gate";
import { decide, wantsChecks, type Decision, type LoopRules } from "@makima/core/verdict";
import type { Evidence, LoopState } from "@makima/protocol/gate";
import { toRunFacts } from "../agent/turn-facts.ts";
import { usageOf } from "./usage.ts";
import { saveRun } from "../journal/runs.ts";
import { checkWork, type CheckedWork } from "./check-work.ts";
import { entry, type RunContext } from "./context.ts";
import type { RunHandle } from "./handle.ts";
import type { Workplace } from "./launch.ts";
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

export async function judge(
  context: RunContext,
  handle: RunHandle,
  place: Workplace,
  turn: TurnEnd,
): Promise<Judgement> {
  const { run } = handle;
  const loop = loopOf(handle);
  const { exit } = turn;
  const rules = rulesOf(handle);
  const timedOut = turn.stopped === "timeout";
  const failure = classify(toRunFacts(exit.facts, exit, timedOut), context.now());
  const gate = findGate(exit.facts.gateText);
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
  remember(loop, judgement, checkpoint.tree);
  if (!failure) await addProgress(context, handle, place, judgement, checkpoint);
  run.progress.costUsd += exit.facts.costUsd;
  delete run.progress.process;
  run.phase = "judging";
  reportIteration(context, handle, turn, judgement);
  saveRun(context.journal, run);
  return judgement;
}

export function rulesOf(handle: RunHandle): LoopRules {
  const { autonomous, singleTask, options } = handle.run.spec;
  return { supervisor: false, autonomous, singleTask, requireTests: options.requireTests };
}

/** The loop's state; there is one from the moment that the run was prepared. */
export function loopOf(handle: RunHandle): LoopState {
  const { loop } = handle.run.progress;
  if (!loop) throw new Error("A run is judged before its loop has begun.");
  return loop;
}

function remember(loop: LoopState, judgement: Judgement, tree: string): void {
  const { decision, gate, evidence } = judgement;
  loop.breaker = decision.breaker as unknown as LoopState["breaker"];
  loop.iteration = decision.breaker.iterations;
  loop.lastTree = tree;
  if (gate) loop.lastGate = gate;
  else delete loop.lastGate;
  loop.failedChecks = evidence
    .filter((proof) => proof.verdict === "failed")
    .map((proof) =>
      typeof proof.exitCode === "number"
        ? `${proof.criterion} (exit code ${proof.exitCode})`
        : proof.criterion,
    );
  if (!judgement.failure) loop.recoveries = {};
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

function reportIteration(context: RunContext, handle: RunHandle, turn: TurnEnd, judgement: Judgement): void {
  const { exit } = turn;
  const { facts } = exit;
  const loop = loopOf(handle);
  const { maxIterations } = handle.run.spec;
  const words = verdictInWords(judgement);
  const iteration = Math.max(1, loop.iteration);
  context.outbox.add([
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
      ],
    },
  ]);
}
