/**
 * Every command of the first level: its line in the help and the file that registers it. Only the file of
 * the command that is run gets loaded; the help of the program needs none of them.
 */
import type { Command } from "commander";
import type { CliContext, ConfigOverrides } from "./cli-context.ts";
import type { Role } from "./config/environment.ts";

/** Reads configuration and finds its way around, once, when a command first asks. */
export type ContextOf = (overrides?: ConfigOverrides, role?: Role) => Promise<CliContext>;
export interface CommandFile {
  register(program: Command, context: ContextOf): void;
}

export interface CommandEntry {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly summary: string;
  /** Heading in the help; hidden ones have none. */
  readonly group: "start" | "work" | "server" | "setup" | "hidden";
  readonly load: () => Promise<CommandFile>;
}

export const GROUPS = {
  start: "Start here",
  work: "Work",
  server: "Servers and daemons",
  setup: "Set up and look around",
} as const;

export const COMMANDS: readonly CommandEntry[] = [
  {
    name: "up",
    summary: "Start server, database and daemon on this machine",
    group: "start",
    load: () => import("./commands/up.ts"),
  },
  {
    name: "demo",
    summary: "Watch a contract run with a simulated agent; no key needed",
    group: "start",
    load: () => import("./commands/demo.ts"),
  },
  {
    name: "run",
    summary: "Hand one sentence of work to an agent and follow it",
    group: "start",
    load: () => import("./commands/run.ts"),
  },
  {
    name: "contracts",
    aliases: ["contract"],
    summary: "Create, list and show contracts",
    group: "work",
    load: () => import("./commands/contracts.ts"),
  },
  {
    name: "tasks",
    aliases: ["task"],
    summary: "List, follow and steer tasks",
    group: "work",
    load: () => import("./commands/tasks.ts"),
  },
  {
    name: "questions",
    aliases: ["question", "inbox"],
    summary: "What agents ask, and your answers",
    group: "work",
    load: () => import("./commands/questions.ts"),
  },
  {
    name: "down",
    summary: "Stop the server of this machine",
    group: "server",
    load: () => import("./commands/down.ts"),
  },
  {
    name: "status",
    summary: "Server, daemons and tasks at a glance",
    group: "server",
    load: () => import("./commands/status.ts"),
  },
  {
    name: "server",
    summary: "Run a server alone, for a team",
    group: "server",
    load: () => import("./commands/server.ts"),
  },
  {
    name: "daemon",
    summary: "Run a daemon for a server elsewhere",
    group: "server",
    load: () => import("./commands/daemon.ts"),
  },
  {
    name: "login",
    summary: "Keep a key for a server",
    group: "server",
    load: () => import("./commands/login.ts"),
  },
  {
    name: "logout",
    summary: "Forget the key kept for a server",
    group: "server",
    load: () => import("./commands/login.ts"),
  },
  {
    name: "whoami",
    summary: "Who you are to the server",
    group: "server",
    load: () => import("./commands/whoami.ts"),
  },
  {
    name: "api-keys",
    aliases: ["api-key"],
    summary: "Make, list and revoke API keys",
    group: "server",
    load: () => import("./commands/api-keys.ts"),
  },
  {
    name: "api",
    summary: "Send any request to the server",
    group: "server",
    load: () => import("./commands/api.ts"),
  },
  {
    name: "doctor",
    summary: "Check this machine; every failing line says the fix",
    group: "setup",
    load: () => import("./commands/doctor.ts"),
  },
  {
    name: "init",
    summary: "Set up this repository: writes makima.toml",
    group: "setup",
    load: () => import("./commands/init.ts"),
  },
  {
    name: "config",
    summary: "Show the configuration and where it comes from",
    group: "setup",
    load: () => import("./commands/config.ts"),
  },
  {
    name: "info",
    summary: "Versions and every path",
    group: "setup",
    load: () => import("./commands/info.ts"),
  },
  {
    name: "completion",
    summary: "Completion for bash, zsh and fish",
    group: "setup",
    load: () => import("./commands/completion.ts"),
  },
  {
    name: "__complete",
    summary: "Words that complete a command line",
    group: "hidden",
    load: () => import("./commands/completion.ts"),
  },
];

export function findCommand(name: string): CommandEntry | undefined {
  return COMMANDS.find((entry) => entry.name === name || entry.aliases?.includes(name));
}
