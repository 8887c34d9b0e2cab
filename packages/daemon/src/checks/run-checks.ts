/**
 * Proof-carrying done: each criterion that can be run is run on a clean checkout of the exact checkpoint
 * commit, and what it showed is kept as evidence.
 *
 * The order is that of the plan. All are run even when one fails, so that the agent hears everything at once.
 */
import { lstat } from "node:fs/promises";
import { join } from "node:path";
import type { Criterion } from "@makima/core/criteria";
import { testSummary, type TestSummary } from "@makima/core/test-summary";
import type { CheckOutcome, Tests } from "@makima/core/verdict";
import type { Evidence } from "@makima/protocol/gate";
import type { CommandResult } from "../process/run-command.ts";
import type { FoundCommands } from "./detect-commands.ts";

/** A clean checkout that stays as it is until `release`. */
export interface CheckPlace {
  path: string;
  commit: string;
  dependencies: string;
  notes: readonly string[];
}

export interface CheckRun {
  criteria: readonly Criterion[];
  commands: FoundCommands;
  place: CheckPlace;
  /** Runs a shell command in the place. */
  run: (command: string) => Promise<CommandResult>;
  /** Sentences on what was done to the tests since the base commit. */
  tampering: readonly string[];
}

export interface CheckReport {
  evidence: Evidence[];
  outcomes: CheckOutcome[];
  tests: Tests;
}

export async function runChecks(check: CheckRun): Promise<CheckReport> {
  const evidence: Evidence[] = [];
  let unverifiable = true;
  for (const criterion of check.criteria) {
    const proof = await prove(criterion, check);
    if (criterion.kind === "tests" && proof.verdict !== "unverified") unverifiable = false;
    evidence.push(proof);
  }
  return { evidence, outcomes: evidence.map(outcomeOf), tests: { unverifiable, tampered: check.tampering } };
}

function outcomeOf(proof: Evidence): CheckOutcome {
  return {
    criterion: proof.criterion,
    ok: proof.verdict === "passed",
    unverified: proof.verdict === "unverified",
    ...(proof.command === undefined ? {} : { command: proof.command }),
    ...(typeof proof.exitCode === "number" ? { exitCode: proof.exitCode } : {}),
    ...(proof.outputTail === undefined ? {} : { outputTail: proof.outputTail }),
  };
}

async function prove(criterion: Criterion, check: CheckRun): Promise<Evidence> {
  const { commit } = check.place;
  const base = { criterion: criterion.text, kind: criterion.kind, commit };
  switch (criterion.kind) {
    case "no_uncommitted_changes":
      // What is checked is a commit of everything the agent left, so this holds by construction.
      return { ...base, verdict: "passed" };
    case "file":
      return { ...base, verdict: (await fileExists(check.place.path, criterion.path)) ? "passed" : "failed" };
    case "vague":
      return unverified(base, "Nothing in it can be run; a person has to judge.");
    case "tests":
      return await proveTests(base, check);
    case "lint":
      return await proveByCommand(base, check.commands.lint, check, "No lint command was found.");
    case "typecheck":
      return await proveByCommand(base, check.commands.typecheck, check, "No type check was found.");
    case "command":
      return await proveByCommand(base, criterion.command, check, "It names no command.");
  }
}

function unverified(base: Omit<Evidence, "verdict">, why: string): Evidence {
  return { ...base, verdict: "unverified", remarks: [why] };
}

async function proveByCommand(
  base: Omit<Evidence, "verdict">,
  command: string | undefined,
  check: CheckRun,
  missing: string,
): Promise<Evidence> {
  if (command === undefined) return unverified(base, missing);
  return proofOf(base, command, await check.run(command), check.place);
}

function proofOf(
  base: Omit<Evidence, "verdict">,
  command: string,
  result: CommandResult,
  place: CheckPlace,
): Evidence {
  const remarks = [...place.notes];
  if (result.timedOut) remarks.push("It was stopped at its time limit.");
  return {
    ...base,
    verdict: result.exitCode === 0 && !result.timedOut ? "passed" : "failed",
    command,
    exitCode: result.exitCode,
    durationMs: Math.round(result.durationMs),
    outputTail: result.outputTail,
    dependencies: place.dependencies,
    ...(remarks.length > 0 ? { remarks } : {}),
  };
}

async function proveTests(base: Omit<Evidence, "verdict">, check: CheckRun): Promise<Evidence> {
  const command = check.commands.tests;
  if (command === undefined) return unverified(base, "No test command was found; nothing was run.");
  const result = await check.run(command);
  const proof = proofOf(base, command, result, check.place);
  const counts = testSummary(result.outputTail);
  if (counts) proof.tests = counts;
  const remarks = [
    ...(proof.remarks ?? []),
    ...check.tampering.map((what) => `Since the base commit: ${what}.`),
  ];
  if (proof.verdict === "passed" && ranNothing(counts)) {
    proof.verdict = "failed";
    remarks.push("The command succeeded without running a test.");
  }
  if (remarks.length > 0) proof.remarks = remarks;
  return proof;
}

function ranNothing(counts: TestSummary | undefined): boolean {
  return counts !== undefined && counts.passed + counts.failed === 0;
}

/** Whether a regular file stands at `path` inside `root`, without following links out of it. */
async function fileExists(root: string, path: string | undefined): Promise<boolean> {
  if (path === undefined || path.startsWith("/") || path.split("/").includes("..")) return false;
  let at = root;
  for (const part of path.split("/").filter((piece) => piece !== "" && piece !== ".")) {
    at = join(at, part);
    const facts = await lstat(at).catch(() => undefined);
    if (!facts || facts.isSymbolicLink()) return false;
  }
  return true;
}
