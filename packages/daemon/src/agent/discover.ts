/** Which agents this machine has, and whether they are signed in. For doctor and the daemon's hello. */
import { z } from "zod";
import type { AgentInfo } from "@makima/protocol/daemon-wire";
import { capture } from "../process/capture.ts";
import { findExecutable } from "../process/find-executable.ts";
import { ProcessError } from "../process/process-error.ts";

export interface DiscoverOptions {
  claudeCommand: string;
  claudePreArgs?: string[];
  /** The environment that agents get. */
  env: Record<string, string>;
  cwd: string;
  /** For each question to an agent. */
  timeoutMs?: number;
}

export interface FoundAgent extends AgentInfo {
  /** Absolute path of its command. */
  path?: string;
}

const TIMEOUT_MS = 10_000;

const authStatus = z.object({
  loggedIn: z.boolean(),
  email: z.string().optional().catch(undefined),
  authMethod: z.string().optional().catch(undefined),
});

/** Never throws: what is missing or broken is said in `problem`. */
export async function discoverClaude(options: DiscoverOptions): Promise<FoundAgent> {
  const { claudeCommand: command, env, cwd, timeoutMs = TIMEOUT_MS } = options;
  const path = await findExecutable(command, env["PATH"] ?? "", cwd);
  if (path === undefined) {
    const problem = `"${command}" was not found. Install it (npm install -g @anthropic-ai/claude-code), or name it in [process] claude_command.`;
    return { name: "claude", available: false, problem };
  }
  const ask = (...args: string[]) =>
    capture(path, [...(options.claudePreArgs ?? []), ...args], { timeoutMs, env, cwd });
  try {
    const told = await ask("--version");
    const version = /\d+\.\d+\.\d+\S*/.exec(told.stdout)?.[0];
    if (told.code !== 0 || version === undefined) {
      const said = (told.stderr || told.stdout).trim().split("\n")[0] ?? "";
      return {
        name: "claude",
        path,
        available: false,
        problem: `${path} does not tell its version: ${said}`,
      };
    }
    return {
      name: "claude",
      path,
      version,
      available: true,
      ...signIn((await ask("auth", "status")).stdout),
    };
  } catch (error) {
    if (!(error instanceof ProcessError)) throw error;
    return { name: "claude", path, available: false, problem: error.message };
  }
}

/** An agent that does not tell whether it is signed in is taken as it is: the first run shows it. */
function signIn(stdout: string): Pick<FoundAgent, "signedIn" | "account" | "problem"> {
  const status = authStatus.safeParse(parsed(stdout));
  if (!status.success) return {};
  const { loggedIn, email, authMethod } = status.data;
  const account = email ?? authMethod;
  return {
    signedIn: loggedIn,
    ...(account === undefined ? {} : { account }),
    ...(loggedIn
      ? {}
      : { problem: 'Claude Code is not signed in. Run "claude /login", or set ANTHROPIC_API_KEY.' }),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1)) as unknown;
  } catch {
    return undefined;
  }
}
