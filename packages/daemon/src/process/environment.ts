/**
 * The environment of an agent: clean, but for what it needs and what the person named.
 *
 * The daemon's own variables may hold keys of the person's other work; an agent gets the standard ones, those
 * that its kind reads, then `env_vars`, `pass_env` and makima's own, which nothing can override.
 */
import { delimiter } from "node:path";
import { RUN_MARKER } from "./sweep.ts";

/** Variables that every agent gets; a name that ends in `*` is a prefix. */
const STANDARD = [
  ..."PATH HOME USER LOGNAME SHELL LANG LC_* TERM TZ TMPDIR XDG_*".split(" "),
  ..."HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY http_proxy https_proxy all_proxy no_proxy".split(" "),
];

/** What an agent of each kind reads beside the standard ones. */
const OF_AGENT = {
  claude: ["ANTHROPIC_*", "CLAUDE_*", "CLAUDE_CODE_*", "DISABLE_*", "API_TIMEOUT_MS", "IS_SANDBOX"],
  sim: ["MAKIMA_SIM_*"],
} as const;

/** Variables that belong to one task and are never taken from anywhere else. */
const OWN = ["MAKIMA_TASK_ID", "MAKIMA_CONTRACT_ID", "MAKIMA_API_URL", "MAKIMA_API_KEY", RUN_MARKER];

export interface EnvironmentSpec {
  agent: keyof typeof OF_AGENT;
  /** The daemon's own environment. */
  from: Record<string, string | undefined>;
  /** `[process] env_vars`. */
  set: Record<string, string>;
  /** `[process] pass_env`: names, or prefixes that end in `*`. */
  pass: string[];
  taskId: string;
  contractId?: string;
  apiUrl: string;
  /** The run's own key. */
  apiKey: string;
  /** Folder that comes first on PATH, where `makima` is found. */
  binFolder?: string;
  /** The agent really runs in makima's sandbox. */
  sandboxed: boolean;
}

/** The whole environment of one agent. Pure. */
export function agentEnvironment(spec: EnvironmentSpec): Record<string, string> {
  const env = {
    ...picked(spec.from, [...STANDARD, ...OF_AGENT[spec.agent]]),
    ...spec.set,
    ...picked(spec.from, spec.pass),
  };
  for (const name of OWN) delete env[name];
  if (spec.agent === "claude") {
    // A command left in the background outlives the turn and is killed half done.
    env["CLAUDE_CODE_DISABLE_BACKGROUND_TASKS"] ??= "1";
    // The agent refuses to skip permissions as root unless told that it is in a sandbox: said only if true.
    if (spec.sandboxed) env["IS_SANDBOX"] = "1";
  }
  if (spec.binFolder) env["PATH"] = [spec.binFolder, env["PATH"]].filter(Boolean).join(delimiter);
  env["MAKIMA_TASK_ID"] = spec.taskId;
  if (spec.contractId !== undefined) env["MAKIMA_CONTRACT_ID"] = spec.contractId;
  env["MAKIMA_API_URL"] = spec.apiUrl;
  env["MAKIMA_API_KEY"] = spec.apiKey;
  return env;
}

/** The environment of a check or setup command: the agent's, without the task's key and the agent's own secrets. */
export function commandEnvironment(spec: EnvironmentSpec): Record<string, string> {
  const env = agentEnvironment({ ...spec, agent: "sim", sandboxed: false });
  delete env["MAKIMA_API_KEY"];
  return env;
}

function picked(from: EnvironmentSpec["from"], names: readonly string[]): Record<string, string> {
  const exact = new Set(names);
  const prefixes = names.filter((name) => name.endsWith("*")).map((name) => name.slice(0, -1));
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(from)) {
    if (value === undefined) continue;
    if (exact.has(name) || prefixes.some((prefix) => name.startsWith(prefix))) env[name] = value;
  }
  return env;
}
