/** How an agent's process is started for one turn: command, arguments, environment, sandbox, secrets to mask. */
import type { AgentProcessSpec } from "../agent/agent-process.ts";
import type { LaunchSpec, SessionStart } from "../agent/agent.ts";
import { keyNotice, refuseAsRoot } from "../agent/claude/preflight.ts";
import type { Store } from "../git/store.ts";
import { agentEnvironment, commandEnvironment, type EnvironmentSpec } from "../process/environment.ts";
import { RUN_MARKER } from "../process/sweep.ts";
import { createRedactor, type Redactor } from "../process/redact.ts";
import type { TaskTree } from "../worktree/task-tree.ts";
import { entry, tell, type RunContext } from "./context.ts";
import type { RunHandle } from "./handle.ts";
import { RunError } from "./run-error.ts";
import { sandboxFor } from "./sandbox.ts";
import type { Checkpoints } from "./take-checkpoint.ts";

/** Where a run works: its worktree, and the repository behind it. */
export interface Workplace extends Checkpoints {
  tree: TaskTree;
  store: Store;
  /** Branch that the work started from, where it was one. */
  baseBranch: string | undefined;
}

export interface LaunchRequest {
  prompt: string;
  systemPrompt: string;
  session: SessionStart;
  /** Folder for files that arguments name. */
  folder: string;
}

export type AgentLaunch = Pick<AgentProcessSpec, "launch" | "command" | "wrap" | "env" | "cwd"> & {
  redactor: Redactor;
};

export async function launchOf(
  context: RunContext,
  handle: RunHandle,
  place: Workplace,
  request: LaunchRequest,
): Promise<AgentLaunch> {
  const { spec } = handle.run;
  const { process: settings } = context.config;
  const wrap = await sandboxFor(context, place.tree.path, place.store, [request.folder]);
  const sim = spec.agent === "sim";
  const env = agentEnvironment({ ...environmentSpec(context, handle), sandboxed: wrap.length > 0 });
  Object.assign(env, sim ? simVariables(context, handle) : {}, context.credentials.environment(spec.agent));
  if (!sim) preflight(context, handle, env);
  const launch: LaunchSpec = {
    prompt: request.prompt,
    session: request.session,
    appendSystemPrompt: request.systemPrompt,
    enablePermissions: settings.enable_permissions,
    disableVerbose: settings.disable_verbose,
    preArgs: sim ? [] : settings.claude_pre_args,
    args: sim ? [] : settings.claude_args,
    folder: request.folder,
  };
  if (spec.model !== undefined) launch.model = spec.model;
  const budget = budgetLeft(handle);
  if (budget !== undefined) launch.maxBudgetUsd = budget;
  return {
    launch,
    command: context.commands[spec.agent] ?? spec.agent,
    ...(wrap.length > 0 ? { wrap } : {}),
    env,
    cwd: place.tree.path,
    redactor: redactorFor(context, handle),
  };
}

/** Refuses what would only fail later, and says once a run what a person would want to know. */
function preflight(context: RunContext, handle: RunHandle, env: Record<string, string>): void {
  const enablePermissions = context.config.process.enable_permissions;
  const refusal = refuseAsRoot({ uid: process.getuid?.(), enablePermissions, env });
  if (refusal) throw new RunError("sandbox", refusal.message);
  const notice = handle.run.progress.processes === 1 ? keyNotice(env) : undefined;
  if (notice !== undefined) tell(context, handle, entry(context, "notice", notice));
}

/** Environment of setup and checks: the agent's, without its key. */
export function commandEnvironmentOf(context: RunContext, handle: RunHandle): Record<string, string> {
  const env = commandEnvironment({ ...environmentSpec(context, handle), sandboxed: false });
  // So that a daemon that dies meanwhile finds what it left running.
  return { ...env, [RUN_MARKER]: handle.run.spec.runId };
}

function environmentSpec(context: RunContext, handle: RunHandle): Omit<EnvironmentSpec, "sandboxed"> {
  const { spec } = handle.run;
  const { process: settings } = context.config;
  return {
    agent: spec.agent,
    from: process.env,
    set: settings.env_vars,
    pass: settings.pass_env,
    taskId: spec.taskId,
    ...(spec.contractId === undefined ? {} : { contractId: spec.contractId }),
    apiUrl: context.apiUrl,
    apiKey: spec.apiKey,
    ...(context.binDir === undefined ? {} : { binFolder: context.binDir }),
  };
}

function simVariables(context: RunContext, handle: RunHandle): Record<string, string> {
  const { spec } = handle.run;
  const variables = { ...context.programs.sim.env };
  if (spec.agentScript !== undefined) variables["MAKIMA_SIM_SCRIPT"] = spec.agentScript;
  if (spec.agentSpeed !== undefined) variables["MAKIMA_SIM_SPEED"] = String(spec.agentSpeed);
  return variables;
}

/** Variables whose names say that their values are secret. */
const SECRET_NAME = /(KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)$/i;

/** Masks what is known to be secret: the run's key, and secrets that its environment holds. */
export function redactorFor(context: RunContext, handle: RunHandle): Redactor {
  const env = agentEnvironment({ ...environmentSpec(context, handle), sandboxed: false });
  Object.assign(env, context.credentials.environment(handle.run.spec.agent));
  const secrets = Object.entries(env).flatMap(([name, value]) => (SECRET_NAME.test(name) ? [value] : []));
  return createRedactor([...secrets, context.config.server.api_key].filter((value) => value.length > 0));
}

/** Dollars that are left of the task's limit; throws when there are none. */
function budgetLeft(handle: RunHandle): number | undefined {
  const { limits, spent } = handle.run.spec;
  if (limits.maxCostUsd === undefined) return undefined;
  const left = limits.maxCostUsd - spent.costUsd - handle.run.progress.costUsd;
  if (left > 0.0001) return Math.round(left * 10_000) / 10_000;
  throw new RunError(
    "limit_reached",
    `The task has used its budget of $${limits.maxCostUsd}. Give it more with: makima tasks continue ${handle.run.spec.taskShortId} --add-budget USD`,
  );
}
