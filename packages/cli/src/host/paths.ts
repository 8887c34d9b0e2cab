/**
 * Every place that makima keeps something in, by the XDG base directory rules.
 *
 * The data folder (state) holds all that one `makima up` owns: lock, server file, local key, database, logs.
 * When a person names another one (`--data-dir`, MAKIMA_DATA_DIR), the daemon's journal, worktrees and mirrors
 * move into it as well, so that two installations never share a journal.
 */
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";

type Env = Readonly<Record<string, string | undefined>>;

export interface Paths {
  readonly home: string;
  readonly configDir: string;
  readonly configFile: string;
  /** Read too, with a notice: the file's name before makima had one configuration. */
  readonly daemonConfigFile: string;
  /** The data folder. */
  readonly stateDir: string;
  readonly cacheDir: string;
  readonly lockFile: string;
  readonly serverFile: string;
  readonly localKeyFile: string;
  readonly credentialsFile: string;
  readonly trustFile: string;
  readonly databaseDir: string;
  readonly logDir: string;
  /** Set when a person named the data folder. */
  readonly dataDirNamed: boolean;
}

export function pathsOf(options: {
  env: Env;
  cwd: string;
  dataDir?: string | undefined;
  config?: string | undefined;
}): Paths {
  const { env, cwd } = options;
  const home = env["HOME"] || homedir();
  const xdg = (name: string, fallback: string) => {
    const named = env[name];
    return join(named && isAbsolute(named) ? named : join(home, fallback), "makima");
  };
  const named = options.dataDir || env["MAKIMA_DATA_DIR"] || undefined;
  const configDir = xdg("XDG_CONFIG_HOME", ".config");
  const stateDir = named ? resolve(cwd, expandHome(named, home)) : xdg("XDG_STATE_HOME", ".local/state");
  return {
    home,
    configDir,
    configFile: options.config
      ? resolve(cwd, expandHome(options.config, home))
      : join(configDir, "config.toml"),
    daemonConfigFile: join(configDir, "makima-daemon.toml"),
    stateDir,
    cacheDir: xdg("XDG_CACHE_HOME", ".cache"),
    lockFile: join(stateDir, "up.lock"),
    serverFile: join(stateDir, "server.json"),
    localKeyFile: join(stateDir, "local-key.json"),
    credentialsFile: join(configDir, "credentials.json"),
    trustFile: join(stateDir, "trusted-projects.json"),
    databaseDir: join(stateDir, "db"),
    logDir: join(stateDir, "logs"),
    dataDirNamed: named !== undefined,
  };
}

/** `~` and `~/x` as a shell would read them. */
export function expandHome(path: string, home: string): string {
  if (path === "~") return home;
  return path.startsWith("~/") ? join(home, path.slice(2)) : path;
}
