/** The agent that was asked for, looked at before anything is started: is it here, and will it run? */
import { constants } from "node:fs";
import { access, realpath, stat } from "node:fs/promises";
import { delimiter, isAbsolute, join, resolve } from "node:path";
import { scenarioNames } from "@makima/agents/sim/where";
import type { Config } from "@makima/protocol/config";
import { CliError, usageError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";
import { nearest } from "./nearest.ts";

export interface Host {
  env: Readonly<Record<string, string | undefined>>;
  /** The user's number; undefined where there is none. */
  uid: number | undefined;
}

/** Throws unless claude can be found and would start as this user. */
export async function requireClaude(config: Config, host: Host): Promise<void> {
  const { claude_command: command, enable_permissions, bubblewrap } = config.process;
  if (!(await findProgram(command, host.env))) {
    throw new CliError({
      code: "AGENT_MISSING",
      message: `Claude Code was not found: there is no program ${JSON.stringify(command)}.`,
      why: isAbsolute(command) ? undefined : "It is looked for in the folders of PATH.",
      next: [
        "npm install -g @anthropic-ai/claude-code, then sign in once: claude",
        "Where it is elsewhere: set claude_command in [process] of your configuration",
        "To see makima work without it: makima demo, or makima run … --agent sim",
      ],
      exit: EXIT.error,
    });
  }
  const sandboxed = bubblewrap.enabled || isOn(host.env["IS_SANDBOX"]);
  if (host.uid === 0 && !enable_permissions && !sandboxed) {
    throw new CliError({
      code: "AGENT_AS_ROOT",
      message: "Claude Code refuses to skip permissions as root outside a sandbox.",
      why: "You are root, and neither makima's sandbox nor IS_SANDBOX is on, so the agent would end at once.",
      next: [
        "Turn on makima's sandbox: [process.bubblewrap] enabled = true in your configuration (needs bwrap)",
        "Or, where this machine or container is the sandbox: IS_SANDBOX=1 makima run …",
        "Or run makima as another user",
      ],
      exit: EXIT.error,
    });
  }
}

/** A script of the simulated agent: the name of a built-in scenario as it is, a file by its real path. */
export async function findScript(
  script: string,
  names: readonly string[] = scenarioNames(),
): Promise<string> {
  if (names.includes(script)) return script;
  const path = resolve(script);
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile()) return await realpath(path);
  const close = nearest(script, names);
  throw usageError(
    `The simulated agent has no script ${JSON.stringify(script)}: it is neither a built-in scenario nor a file.`,
    ...(close ? [`--agent-script ${close}`] : []),
    `Built in: ${names.join(", ")}`,
  );
}

async function findProgram(command: string, env: Host["env"]): Promise<string | undefined> {
  const places = command.includes("/")
    ? [resolve(command)]
    : (env["PATH"] ?? "").split(delimiter).map((folder) => join(folder || ".", command));
  for (const place of places) {
    const runs = await access(place, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (runs && (await stat(place)).isFile()) return place;
  }
  return undefined;
}

function isOn(value: string | undefined): boolean {
  return value !== undefined && value !== "" && value !== "0" && value !== "false";
}
