/** The checks of one iteration: which criteria, which commands, on which commit, in which checkout. */
import { readCriteria, withStandardCriteria, type Criterion } from "@makima/core/criteria";
import type { CheckOutcome, Tests } from "@makima/core/verdict";
import type { Evidence } from "@makima/protocol/gate";
import type { RunSpec } from "@makima/protocol/run-spec";
import { diffText } from "../checkpoint/diff.ts";
import { detectCommands, type FoundCommands } from "../checks/detect-commands.ts";
import { runChecks, type CheckReport } from "../checks/run-checks.ts";
import { tamperingIn } from "../checks/tampering.ts";
import type { Store } from "../git/store.ts";
import { runCommand, type CommandResult } from "../process/run-command.ts";
import { prepareCheck, type CheckCheckout } from "../worktree/check-checkout.ts";
import { entry, tell, type RunContext } from "./context.ts";
import type { RunHandle } from "./handle.ts";
import { commandEnvironmentOf, redactorFor, type Workplace } from "./launch.ts";
import { storeKey } from "./prepare.ts";
import { sandboxFor } from "./sandbox.ts";
import type { TakenCheckpoint } from "./take-checkpoint.ts";

export interface CheckedWork {
  evidence: Evidence[];
  outcomes: CheckOutcome[];
  tests: Tests | undefined;
}

/** Commands that check the work in `root`: what the person named, else what is found. */
export async function commandsFor(spec: RunSpec, root: string): Promise<FoundCommands> {
  const found = await detectCommands(root);
  if (spec.options.testCommand) found.tests = spec.options.testCommand;
  if (spec.options.lintCommand) found.lint = spec.options.lintCommand;
  return found;
}

export async function criteriaFor(spec: RunSpec, root: string): Promise<Criterion[]> {
  const { options } = spec;
  const commands = await commandsFor(spec, root);
  const found = { tests: commands.tests !== undefined, lint: commands.lint !== undefined };
  const standard = new Set(options.criteriaEnabled ? options.autoAppendStandard : []);
  // A test command that the person named is one that is to be run.
  if (options.requireTests || options.testCommand) standard.add("tests_pass");
  if (options.requireLint) standard.add("lint_passes");
  const written = options.criteriaEnabled ? readCriteria(spec.plan) : [];
  return withStandardCriteria(written, [...standard], found);
}

export async function checkWork(
  context: RunContext,
  handle: RunHandle,
  place: Workplace,
  checkpoint: TakenCheckpoint,
): Promise<CheckedWork> {
  const { spec } = handle.run;
  const criteria = await criteriaFor(spec, place.tree.path);
  const patch = await diffText({
    gitDir: place.tree.gitDir,
    from: place.tree.baseCommit,
    to: checkpoint.commit,
    maxBytes: 8 * 1024 * 1024,
    context: 0,
  });
  const tampering = tamperingIn(patch.text);
  const report = await runAll(context, handle, place, { criteria, tampering, commit: checkpoint.commit });
  await lookAtBase(context, handle, place, report);
  for (const evidence of report.evidence) showEvidence(context, handle, evidence);
  return report;
}

interface WhatToCheck {
  criteria: readonly Criterion[];
  tampering: readonly string[];
  commit: string;
}

async function runAll(
  context: RunContext,
  handle: RunHandle,
  place: Workplace,
  { criteria, tampering, commit }: WhatToCheck,
): Promise<CheckReport> {
  if (criteria.every((one) => one.kind === "no_uncommitted_changes" || one.kind === "vague")) {
    const nowhere = { path: "", commit, dependencies: "none", notes: [] };
    return await runChecks({ criteria, commands: {}, place: nowhere, run: nothingToRun, tampering });
  }
  await using checkout = await openCheckout(context, handle, place, commit);
  const run = (command: string) => runIn(context, handle, place.store, checkout.path, command);
  return await runChecks({
    criteria,
    commands: await commandsFor(handle.run.spec, checkout.path),
    place: { ...checkout, commit, notes: await setUp(context, checkout, run) },
    run,
    tampering,
  });
}

function nothingToRun(): Promise<never> {
  return Promise.reject(new Error("There is nothing to run."));
}

/** Tests that fail are run once at the base commit, so that the evidence can say whether they were red before. */
async function lookAtBase(
  context: RunContext,
  handle: RunHandle,
  place: Workplace,
  report: CheckReport,
): Promise<void> {
  const tests = report.evidence.find((proof) => proof.kind === "tests" && proof.verdict === "failed");
  if (tests?.command === undefined) return;
  if (handle.redAtBase === undefined) {
    await using checkout = await openCheckout(context, handle, place, place.tree.baseCommit);
    const run = (command: string) => runIn(context, handle, place.store, checkout.path, command);
    await setUp(context, checkout, run);
    handle.redAtBase = (await run(tests.command)).exitCode !== 0;
  }
  if (!handle.redAtBase) return;
  tests.remarks = [...(tests.remarks ?? []), "The tests were failing at the base commit already."];
}

function openCheckout(
  context: RunContext,
  handle: RunHandle,
  place: Workplace,
  commit: string,
): Promise<CheckCheckout> {
  return prepareCheck({
    checksDir: context.paths.checksDir,
    repositoryId: storeKey(place.store.gitDir),
    store: place.store,
    task: place.tree,
    commit,
    copyFiles: handle.run.spec.copyFiles,
    dependencies: context.config.worktree.dependencies,
    hasSetup: context.config.worktree.setup !== "",
    locks: context.locks,
    signal: handle.signal,
  });
}

/** Runs the configured setup command where the checkout's dependencies are its matter; the notes for the evidence. */
async function setUp(
  context: RunContext,
  checkout: CheckCheckout,
  run: (command: string) => Promise<CommandResult>,
): Promise<string[]> {
  const { setup } = context.config.worktree;
  if (setup === "" || checkout.dependencies !== "setup") return [...checkout.notes];
  const result = await run(setup);
  if (result.exitCode === 0) return [...checkout.notes];
  return [
    ...checkout.notes,
    `The setup command failed in the check's checkout (exit code ${result.exitCode}).`,
  ];
}

async function runIn(
  context: RunContext,
  handle: RunHandle,
  store: Store,
  path: string,
  command: string,
): Promise<CommandResult> {
  const wrap = await sandboxFor(context, path, store);
  const result = await runCommand({
    command,
    ...(wrap.length > 0 ? { wrap } : {}),
    cwd: path,
    env: { ...commandEnvironmentOf(context, handle), CI: "true" },
    timeoutMs: handle.run.spec.options.testTimeoutSecs * 1000,
    redactor: redactorFor(context, handle),
    signal: handle.signal,
  });
  handle.check();
  return result;
}

const GLYPH = { passed: "✔", failed: "✖", unverified: "·" } as const;

function showEvidence(context: RunContext, handle: RunHandle, evidence: Evidence): void {
  const counts = evidence.tests ? ` ${evidence.tests.passed} passed, ${evidence.tests.failed} failed` : "";
  const ran =
    evidence.command === undefined
      ? ""
      : ` — ${evidence.command} → exit ${evidence.exitCode ?? "none"}${counts}`;
  const remarks = evidence.remarks?.length ? `\n  ${evidence.remarks.join("\n  ")}` : "";
  const text = `${GLYPH[evidence.verdict]} ${evidence.verdict}: ${evidence.criterion}${ran}${remarks}`;
  tell(
    context,
    handle,
    entry(context, "check", text, {
      toolInput: evidence,
      isError: evidence.verdict === "failed",
      ...(evidence.durationMs === undefined ? {} : { durationMs: evidence.durationMs }),
    }),
  );
}
