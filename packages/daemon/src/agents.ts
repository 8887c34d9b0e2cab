/** The agents of this machine: where their programs are, whether they are signed in, how to sign in. */
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Config } from "@makima/protocol/config";
import type { AgentInfo } from "@makima/protocol/daemon-wire";
import { discoverClaude } from "./agent/discover.ts";
import { startLogin } from "./agent/login.ts";
import type { Credentials } from "./login/credentials.ts";
import type { LoginFlow } from "./login/login-desk.ts";
import { agentEnvironment } from "./process/environment.ts";
import type { AgentPrograms } from "./run/context.ts";

export interface AgentRoom {
  config: Config;
  /** Program of each agent, one word. */
  commands: Record<string, string>;
  programs: AgentPrograms;
  credentials: Credentials;
  /** Folder that questions to agents are asked in: no repository. */
  folder: string;
}

/**
 * Makes the simulated agent one executable file, as any other agent is one. Written anew at each start,
 * because the place of the program may have changed with an update.
 */
export async function openAgentRoom(
  config: Config,
  programs: AgentPrograms,
  credentials: Credentials,
  stateDir: string,
): Promise<AgentRoom> {
  const folder = join(stateDir, "agents");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const sim = join(folder, "simulated-agent");
  const words = [programs.sim.command, ...programs.sim.args].map(
    (word) => `'${word.replaceAll("'", `'\\''`)}'`,
  );
  await writeFile(sim, `#!/bin/sh\nexec ${words.join(" ")} "$@"\n`);
  await chmod(sim, 0o700);
  return { config, commands: { claude: config.process.claude_command, sim }, programs, credentials, folder };
}

export async function discoverAgents(room: AgentRoom): Promise<AgentInfo[]> {
  const { path: _, ...claude } = await discoverClaude({
    claudeCommand: room.commands["claude"] ?? "claude",
    claudePreArgs: room.config.process.claude_pre_args,
    env: environmentOf(room, "claude"),
    cwd: room.folder,
  });
  return [claude, { name: "sim", available: true, version: "simulated" }];
}

/** undefined: the agent does not tell. */
export async function isSignedIn(room: AgentRoom, agent: string): Promise<boolean | undefined> {
  const found = await discoverClaude({
    claudeCommand: room.commands[agent] ?? agent,
    env: environmentOf(room, agent),
    cwd: room.folder,
  });
  return found.signedIn;
}

/** Begins the agent's own login on a terminal of its own. */
export async function beginLogin(room: AgentRoom, agent: string): Promise<LoginFlow> {
  const options = {
    claudeCommand: room.commands[agent] ?? agent,
    env: environmentOf(room, agent),
    cwd: room.folder,
  };
  const start = await startLogin(options);
  if (!start.ok) throw new Error(start.message);
  const { login } = start;
  return {
    url: login.url,
    async submit(code) {
      const result = await login.submit(code);
      if (!result.ok) return result;
      if (result.token !== undefined) await room.credentials.keep(agent, result.token);
      return { ok: true, message: "signed in" };
    },
    cancel: () => void login.cancel(),
  };
}

function environmentOf(room: AgentRoom, agent: string): Record<string, string> {
  const { env_vars, pass_env } = room.config.process;
  const env = agentEnvironment({
    agent: agent === "sim" ? "sim" : "claude",
    from: process.env,
    set: env_vars,
    pass: pass_env,
    taskId: "",
    apiUrl: "",
    apiKey: "",
    sandboxed: false,
  });
  return {
    ...env,
    ...(agent === "sim" ? room.programs.sim.env : {}),
    ...room.credentials.environment(agent),
  };
}
