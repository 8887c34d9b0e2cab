/** What every command is given: flags, configuration, places, output, and a way to the server. */
import type { Client } from "@makima/client/rest";
import type { Config } from "@makima/protocol/config";
import type { Role } from "./config/environment.ts";
import type { LoadedConfig } from "./config/load.ts";
import type { FoundServer } from "./host/find-server.ts";
import { pathsOf, type Paths } from "./host/paths.ts";
import type { Output } from "./output.ts";

/** Flags that every command takes. */
export interface GlobalFlags {
  json?: boolean;
  jsonFields?: string[];
  config?: string;
  serverUrl?: string;
  apiKey?: string;
  dataDir?: string;
  yes?: boolean;
  trustProject?: boolean;
  /** False with --no-color. */
  color?: boolean;
}

/** Values of a command's own flags by configuration key, e.g. `{ "server.port": 7800 }`; undefined ones are skipped. */
export type ConfigOverrides = Readonly<Record<string, unknown>>;

export interface Connection {
  readonly server: FoundServer;
  readonly client: Client;
}

export interface CliContext {
  readonly flags: GlobalFlags;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly paths: Paths;
  /** With every command of the project's file left out that no person has confirmed. */
  readonly config: Config;
  readonly loaded: LoadedConfig;
  readonly out: Output;
  /** Reads the configuration anew. */
  reload(): LoadedConfig;
  /**
   * The configuration for work in this project: a person confirms its commands first (`--trust-project`, or a
   * prompt on a terminal). Throws where nobody does.
   */
  projectConfig(): Promise<Config>;
  /**
   * A client of the server that answers. With `start`, the server of this machine is started in the
   * background where none answers and none was named. Throws NO_SERVER (exit 7) else.
   */
  connect(options?: { start?: boolean; signal?: AbortSignal }): Promise<Connection>;
}

export interface ContextOptions {
  flags: GlobalFlags;
  out: Output;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  overrides?: ConfigOverrides;
  /** Which of the special variables and key files count. */
  role?: Role;
}

export async function createContext(options: ContextOptions): Promise<CliContext> {
  const env = options.env ?? process.env;
  const cwd = options.cwd ?? process.cwd();
  const { flags, out } = options;
  const paths = pathsOf({ env, cwd, dataDir: flags.dataDir, config: flags.config });
  const { loadConfig } = await import("./config/load.ts");
  const load = () =>
    loadConfig({
      paths,
      env,
      cwd,
      role: options.role ?? "person",
      configNamed: flags.config !== undefined,
      overrides: { "server.url": flags.serverUrl, "server.api_key": flags.apiKey, ...options.overrides },
    });
  const loaded = load();
  for (const notice of loaded.notices) out.note(out.errors.paint("dim", notice));
  const context: CliContext = {
    flags,
    env,
    cwd,
    paths,
    config: loaded.config,
    loaded,
    out,
    reload: load,
    async projectConfig() {
      const { confirmProject } = await import("./config/trust.ts");
      return confirmProject(context);
    },
    async connect(how = {}) {
      const { connect } = await import("./host/connect.ts");
      return connect(context, how);
    },
  };
  return context;
}
