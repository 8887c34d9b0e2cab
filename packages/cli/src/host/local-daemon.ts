/** Starts a daemon in this process from the configuration. */
import { join } from "node:path";
import type { Logger } from "pino";
import { simulatedAgent } from "@makima/agents/sim/where";
import { startDaemon, type Daemon } from "@makima/daemon/main";
import type { Config } from "@makima/protocol/config";
import type { Paths } from "./paths.ts";
import { writeAgentBin } from "./agent-bin.ts";

export interface DaemonSettings {
  config: Config;
  paths: Paths;
  serverUrl: string;
  apiKey: string;
  name?: string | undefined;
  labels: readonly string[];
  log: Logger;
}

export function startLocalDaemon(settings: DaemonSettings): Promise<Daemon> {
  const { config, paths } = settings;
  return startDaemon({
    config,
    serverUrl: settings.serverUrl,
    apiKey: settings.apiKey,
    ...(settings.name === undefined ? {} : { name: settings.name }),
    labels: settings.labels,
    stateDir: join(paths.stateDir, "daemon"),
    journalPath: config.local_db.path,
    worktreesDir: config.worktree.base_dir,
    reposDir: config.worktree.repos_dir,
    programs: { sim: { command: process.execPath, args: [simulatedAgent().main], env: {} } },
    binDir: writeAgentBin(paths.stateDir),
    log: settings.log,
  });
}
