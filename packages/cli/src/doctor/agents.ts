/** Checks of coding agents: found, signed in, and by which account they are paid. */
import { z } from "zod";
import { sanitizeLine } from "../print/terminal.ts";
import type { Check, Finding } from "./check.ts";
import { findProgram, versionIn, type Program } from "./probe-program.ts";

/** What `claude auth status` prints, as far as it is used. */
const authStatusSchema = z.object({
  loggedIn: z.boolean(),
  authMethod: z.string().nullish(),
  email: z.string().nullish(),
  subscriptionType: z.string().nullish(),
});
type AuthStatus = z.infer<typeof authStatusSchema>;

export const claude: Check = {
  id: "claude",
  group: "Agents",
  title: "claude",
  async probe({ context }, signal) {
    const command = context.config.process.claude_command;
    const program = await findProgram(command, context.env, context.cwd);
    if (!program) {
      return {
        state: "warning",
        detail: `${command} not found (makima demo works without it)`,
        fix: ["npm i -g @anthropic-ai/claude-code", "or name it: process.claude_command in config.toml"],
      };
    }
    const said = await program.ask(["--version"], signal);
    const version = versionIn(said.stdout);
    if (said.code !== 0 || version === undefined) {
      const why = sanitizeLine(said.stderr || said.stdout).slice(0, 200);
      return {
        state: "error",
        detail: `${program.path} does not start: ${why}`,
        fix: ["npm i -g @anthropic-ai/claude-code"],
      };
    }
    return signedIn(version, await authStatus(program, signal), context.env);
  },
};

async function authStatus(program: Program, signal: AbortSignal): Promise<AuthStatus | undefined> {
  try {
    const { stdout } = await program.ask(["auth", "status"], signal);
    return authStatusSchema.safeParse(JSON.parse(stdout)).data;
  } catch {
    // Older versions have no such command: nothing can be said then.
    return undefined;
  }
}

function signedIn(version: string, status: AuthStatus | undefined, env: NodeJS.ProcessEnv): Finding {
  const byKey = ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"].find(
    (name) => env[name],
  );
  if (byKey !== undefined) return { state: "ok", detail: `${version}, pays with ${byKey}` };
  if (!status) return { state: "info", detail: `${version}; whether it is signed in is not known` };
  if (!status.loggedIn) {
    return {
      state: "error",
      detail: `${version}, signed out`,
      fix: ["claude auth login", "or set ANTHROPIC_API_KEY"],
    };
  }
  const account = [status.email, status.subscriptionType].filter(Boolean).join(", ");
  return {
    state: "ok",
    detail: `${version} signed in${account === "" ? "" : ` (${sanitizeLine(account)})`}`,
  };
}

export const apiKey: Check = {
  id: "anthropic-api-key",
  group: "Agents",
  title: "ANTHROPIC_API_KEY",
  async probe({ context }, signal) {
    if (!context.env["ANTHROPIC_API_KEY"])
      return { state: "info", detail: "not set; the agent's own login counts" };
    const program = await findProgram(context.config.process.claude_command, context.env, context.cwd);
    const { ANTHROPIC_API_KEY: _, ...without } = context.env;
    const bare = program && (await findProgram(context.config.process.claude_command, without, context.cwd));
    const status = bare && (await authStatus(bare, signal));
    if (!status?.loggedIn) return { state: "info", detail: "set; agents are paid by that key" };
    return {
      state: "warning",
      detail: "set, and it wins over the login of claude: work is billed to that key, not to your plan",
      fix: ["unset ANTHROPIC_API_KEY, and start makima again, to use the login"],
    };
  },
};
