/**
 * A whole makima for a test: a server and daemons as processes of their own, on the cluster that the test run
 * started, in folders that go with the test. Everything is awaited by events: history, records, exits.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { randomUUID } from "node:crypto";
import { createClient, type Client } from "@makima/client/rest";
import { followTask } from "@makima/client/follow-task";
import { hostId } from "@makima/daemon/host-id";
import { routes } from "@makima/protocol/api/routes";
import type { HistoryEntry } from "@makima/protocol/history";
import type { TaskView } from "@makima/protocol/api/task-schema";
import { testDatabase, type TestDatabase } from "@makima/server/testing/test-database";

const MAIN = resolve(import.meta.dirname, "../../packages/cli/src/main.ts");

export interface SystemOptions {
  /** Start no daemon; the test starts its own with `addDaemon`. */
  withoutDaemon?: boolean;
  /** Further configuration as environment, e.g. MAKIMA_LEASES_LEASE_SECS. */
  env?: Record<string, string>;
  slots?: number;
}

export interface RunRequest {
  repository: string;
  goal: string;
  script: string;
  speed?: number;
  maxIterations?: number;
  action?: "branch" | "merge" | "none";
  testCommand?: string;
}

/** One process of makima's, started again under the same name and folders after it was killed. */
export class Process {
  readonly #args: string[];
  readonly #env: NodeJS.ProcessEnv;
  readonly #log: string;
  child: ChildProcess | undefined;

  constructor(args: string[], env: NodeJS.ProcessEnv, log: string) {
    this.#args = args;
    this.#env = env;
    this.#log = log;
  }

  start(): void {
    const log = openSync(this.#log, "a");
    this.child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", MAIN, ...this.#args], {
      env: this.#env,
      stdio: ["ignore", log, log],
    });
  }

  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill(signal);
    if (signal !== "SIGSTOP" && signal !== "SIGCONT") await gone;
  }

  log(): string {
    return readFileSync(this.#log, "utf8");
  }
}

export class System implements AsyncDisposable {
  readonly folder: string;
  readonly server: Process;
  readonly client: Client;
  readonly url: string;
  readonly #key: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #daemons: Process[] = [];
  readonly #dispose: () => Promise<void>;

  private constructor(parts: {
    folder: string;
    server: Process;
    url: string;
    key: string;
    env: NodeJS.ProcessEnv;
    withoutDaemon: boolean;
    dispose: () => Promise<void>;
  }) {
    this.folder = parts.folder;
    this.server = parts.server;
    this.url = parts.url;
    this.#key = parts.key;
    this.#env = parts.env;
    this.client = createClient({ url: parts.url, key: parts.key });
    this.#dispose = parts.dispose;
    if (!parts.withoutDaemon) this.addDaemon("daemon");
  }

  /** The first daemon. */
  get daemon(): Process {
    const [first] = this.#daemons;
    if (!first) throw new Error("The system has no daemon.");
    return first;
  }

  /** Starts a daemon with folders of its own, at `url` if it is not to reach the server directly. */
  addDaemon(name: string, options: { url?: string; env?: Record<string, string> } = {}): Process {
    const daemon = new Process(
      [
        "daemon",
        "--server-url",
        options.url ?? this.url,
        "--data-dir",
        join(this.folder, name),
        "--name",
        name,
      ],
      { ...this.#env, MAKIMA_API_KEY: this.#key, ...options.env },
      join(this.folder, `${name}.log`),
    );
    this.#daemons.push(daemon);
    daemon.start();
    return daemon;
  }

  static async start(options: SystemOptions = {}): Promise<System> {
    const folder = mkdtempSync(join(tmpdir(), "makima-e2e-"));
    const database = await testDatabase();
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const home = join(folder, "home");
    mkdirSync(home);
    const env: NodeJS.ProcessEnv = {
      PATH: process.env["PATH"],
      HOME: home,
      LANG: "C.UTF-8",
      GIT_CONFIG_NOSYSTEM: "1",
      MAKIMA_SIM_HOME: join(folder, "sim"),
      MAKIMA_LEASES_HEARTBEAT_SECS: "0.5",
      MAKIMA_LEASES_LEASE_SECS: "3",
      MAKIMA_LEASES_GRACE_SECS: "60",
      MAKIMA_LOGGING_FORMAT: "json",
      MAKIMA_PROCESS_MAX_CONCURRENT_TASKS: String(options.slots ?? 2),
      ...options.env,
    };
    const serverData = join(folder, "server");
    const server = new Process(
      ["server", "--port", String(port), "--data-dir", serverData],
      { ...env, DATABASE_URL: urlOf(database) },
      join(folder, "server.log"),
    );
    server.start();
    const key = await serverKey(server, serverData, url);
    return new System({
      folder,
      server,
      url,
      key,
      env,
      withoutDaemon: options.withoutDaemon ?? false,
      async dispose() {
        await server.kill("SIGTERM");
        await database[Symbol.asyncDispose]();
        rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
      },
    });
  }

  async run(request: RunRequest): Promise<TaskView> {
    const path = join(this.folder, `script-${randomUUID()}.yaml`);
    writeFileSync(path, request.script);
    const { tasks } = await this.client.call(
      routes.createContract,
      {
        body: {
          goal: request.goal,
          contractType: "single",
          repositories: [{ kind: "local", path: request.repository, hostId: hostId() }],
          autonomousLoop: true,
          start: true,
          ...(request.maxIterations === undefined
            ? {}
            : { limits: { maxIterations: request.maxIterations } }),
          options:
            request.testCommand === undefined ? {} : { testCommand: request.testCommand, requireTests: true },
          task: {
            agent: "sim",
            agentScript: path,
            agentSpeed: request.speed ?? 1,
            completionAction: request.action ?? "branch",
          },
        },
      },
      { idempotencyKey: randomUUID() },
    );
    const [task] = tasks;
    if (!task) throw new Error("The contract has no task.");
    return task;
  }

  /** Follows a task until `until` holds (at rest by default), over any break of the connection. */
  async follow(
    taskId: string,
    until?: (task: TaskView) => boolean,
  ): Promise<{ task: TaskView; entries: HistoryEntry[] }> {
    const entries: HistoryEntry[] = [];
    let last: TaskView | undefined;
    for await (const item of followTask(this.client, { taskId, ...(until ? { until } : {}) })) {
      if (item.type === "entries") entries.push(...item.items);
      if (item.type === "task") last = item.task;
    }
    if (!last) throw new Error("The task was never seen.");
    return { task: last, entries };
  }

  /** Resolves when the task's history holds an entry that `matches`. */
  async seen(taskId: string, matches: (entry: HistoryEntry) => boolean): Promise<HistoryEntry> {
    for await (const item of followTask(this.client, { taskId, until: () => false })) {
      if (item.type !== "entries") continue;
      const found = item.items.find(matches);
      if (found) return found;
    }
    throw new Error("The history ended without it.");
  }

  /** All that is stored of a task's history, over REST. */
  async history(taskId: string): Promise<HistoryEntry[]> {
    const all: HistoryEntry[] = [];
    for (;;) {
      const after = all.at(-1)?.seq ?? 0;
      const page = await this.client.call(routes.listTaskOutput, {
        params: { id: taskId },
        query: { after, limit: 2000 },
      });
      all.push(...page.items);
      if (page.items.length === 0) return all;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const daemon of this.#daemons) {
      await daemon.kill("SIGCONT");
      await daemon.kill("SIGTERM");
    }
    await this.#dispose();
  }
}

/** Processes on this machine that belong to a run: they carry its marker, whatever session they lead. */
export function processesOfRuns(runIds: readonly string[]): number[] {
  const found: number[] = [];
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const environ = readFileSync(`/proc/${name}/environ`, "utf8");
      if (runIds.some((id) => environ.includes(`MAKIMA_RUN_ID=${id}`))) found.push(Number(name));
    } catch {
      // It ended meanwhile, or is not ours to look at.
    }
  }
  return found;
}

function urlOf({ connection, name }: TestDatabase): string {
  return `postgresql://${connection.user}@localhost:${connection.port}/${name}?host=${encodeURIComponent(connection.host ?? "")}`;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  const port = typeof address === "object" && address ? address.port : 0;
  probe.close();
  await once(probe, "close");
  return port;
}

/** The owner's key, once the server answers. */
async function serverKey(server: Process, dataDir: string, url: string): Promise<string> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    if (server.child?.exitCode !== null && server.child?.exitCode !== undefined) {
      throw new Error(`The server ended:\n${server.log()}`);
    }
    const answers = await fetch(`${url}/healthz`).then(
      (response) => response.ok,
      () => false,
    );
    const keyFile = join(dataDir, "local-key.json");
    if (answers && existsSync(keyFile)) {
      const file = JSON.parse(readFileSync(keyFile, "utf8")) as { key: string };
      return file.key;
    }
    if (Date.now() > deadline) throw new Error(`The server did not answer:\n${server.log()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
