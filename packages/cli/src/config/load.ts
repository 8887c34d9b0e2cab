/**
 * The configuration of one call, merged from where it may stand:
 * flags > environment > the project's makima.toml > the user's files > defaults.
 */
import { configSchema, type Config } from "@makima/protocol/config";
import { expandHome, type Paths } from "../host/paths.ts";
import { join } from "node:path";
import { ConfigError, type ConfigIssue } from "./config-error.ts";
import { readEnvironment, type Role } from "./environment.ts";
import { CONFIG_KEYS, configKey } from "./keys.ts";
import { findProjectFile } from "./project-file.ts";
import { faultOf, readConfigFile, type ReadFile, type Setting } from "./read-file.ts";
import { COMMAND_KEYS, isConfirmed, type ProjectCommands } from "./trusted.ts";

export type OriginKind = "flag" | "environment" | "project" | "user" | "data folder" | "default";
export interface Origin {
  kind: OriginKind;
  /** `file:line`, variable or flag; empty for defaults. */
  where: string;
}

export interface LoadedConfig {
  readonly config: Config;
  /** Where each key's value comes from. */
  readonly origins: ReadonlyMap<string, Origin>;
  readonly projectFile: string | undefined;
  /** Files that were read, strongest first. */
  readonly files: readonly string[];
  /** The project's commands that no person has confirmed; left out of `config`. */
  readonly unconfirmed: ProjectCommands | undefined;
  /** What a person should know. */
  readonly notices: readonly string[];
}

export interface LoadOptions {
  paths: Paths;
  env: NodeJS.ProcessEnv;
  cwd: string;
  /** Whether the user named the file, so that it must exist. */
  configNamed?: boolean;
  overrides?: Readonly<Record<string, unknown>>;
  role?: Role;
  /** Takes the project's commands as confirmed. */
  trustProject?: boolean;
}

/** Reads and merges. Throws ConfigError with every issue that it found. */
export function loadConfig(options: LoadOptions): LoadedConfig {
  const { paths } = options;
  const issues: ConfigIssue[] = [];
  const notices: string[] = [];
  const files: string[] = [];
  const values = new Map<string, { value: unknown; origin: Origin }>();
  const put = (kind: OriginKind, setting: Setting) =>
    values.set(setting.key, { value: setting.value, origin: { kind, where: setting.where } });
  const take = (kind: OriginKind, read: ReadFile | undefined) => {
    issues.push(...(read?.issues ?? []));
    for (const setting of read?.settings ?? []) put(kind, setting);
  };

  for (const key of CONFIG_KEYS) put("default", { key: key.key, value: key.initial, where: "" });
  if (paths.dataDirNamed) for (const setting of inDataFolder(paths)) put("data folder", setting);
  const oldUserFile = options.configNamed ? undefined : readConfigFile(paths.daemonConfigFile, "user");
  if (oldUserFile) {
    files.unshift(paths.daemonConfigFile);
    notices.push(`${paths.daemonConfigFile} is read; its settings belong in ${paths.configFile} now.`);
  }
  take("user", oldUserFile);
  const userFile = readConfigFile(paths.configFile, "user");
  if (userFile) files.unshift(paths.configFile);
  else if (options.configNamed) issues.push({ where: paths.configFile, message: "does not exist" });
  take("user", userFile);

  const projectFile = findProjectFile(options.cwd);
  let unconfirmed: ProjectCommands | undefined;
  if (projectFile !== undefined && projectFile !== paths.configFile) {
    files.unshift(projectFile);
    const read = readConfigFile(projectFile, "project");
    issues.push(...(read?.issues ?? []));
    const commands = (read?.settings ?? []).filter(({ key, value }) => COMMAND_KEYS.has(key) && value !== "");
    if (commands.length > 0) {
      const found: ProjectCommands = {
        file: projectFile,
        commands: commands.map(({ key, value }) => ({ key, command: String(value) })),
      };
      if (!options.trustProject && !isConfirmed(found, paths.trustFile)) unconfirmed = found;
    }
    for (const setting of read?.settings ?? []) {
      if (unconfirmed && COMMAND_KEYS.has(setting.key)) continue;
      const ceiling = values.get(setting.key)?.value;
      if (exceeds(setting, ceiling))
        notices.push(
          `${setting.where}: ${setting.key} stays ${String(ceiling)}; a project may only lower it.`,
        );
      else put("project", setting);
    }
  }

  take("environment", readEnvironment(options.env, options.role ?? "person"));
  for (const [key, value] of Object.entries(options.overrides ?? {})) {
    const known = configKey(key);
    if (value === undefined || !known) continue;
    const fault = faultOf(known, value);
    const where = `--${(key.split(".").at(-1) ?? key).replaceAll("_", "-")}`;
    if (fault === undefined) put("flag", { key, value, where });
    else issues.push({ where, message: fault });
  }
  if (issues.length > 0) throw new ConfigError(issues);

  for (const key of ["worktree.base_dir", "worktree.repos_dir", "local_db.path"]) {
    const entry = values.get(key);
    if (entry) entry.value = expandHome(String(entry.value), paths.home);
  }
  return {
    config: configSchema.parse(nested(values)),
    origins: new Map([...values].map(([key, { origin }]) => [key, origin])),
    projectFile,
    files,
    unconfirmed,
    notices,
  };
}

/** A data folder that a person named holds the daemon's things too. */
function inDataFolder({ stateDir }: Paths): Setting[] {
  return [
    { key: "worktree.base_dir", value: join(stateDir, "worktrees"), where: stateDir },
    { key: "worktree.repos_dir", value: join(stateDir, "repos"), where: stateDir },
    { key: "local_db.path", value: join(stateDir, "daemon.db"), where: stateDir },
  ];
}

/** Limits go downwards only: 0 is "none", where a limit can be that. */
function exceeds(setting: Setting, ceiling: unknown): boolean {
  const limited = setting.key.startsWith("limits.") || setting.key === "autonomous_loop.hard_limit";
  if (!limited || typeof setting.value !== "number" || typeof ceiling !== "number") return false;
  if (ceiling === 0) return false;
  return setting.value === 0 || setting.value > ceiling;
}

function nested(values: ReadonlyMap<string, { value: unknown }>): Record<string, unknown> {
  const tree: Record<string, unknown> = {};
  for (const [key, { value }] of values) {
    const path = key.split(".");
    let at = tree;
    for (const part of path.slice(0, -1)) at = (at[part] ??= {}) as Record<string, unknown>;
    at[path.at(-1) ?? ""] = value;
  }
  return tree;
}
