/** A daemon with everything around it: a repository, a state folder, a simulated agent, a server. */
import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { configSchema, type Config } from "@makima/protocol/config";
import type { CommandOf, ReportOf } from "@makima/protocol/daemon-wire";
import type { RunSpec } from "@makima/protocol/run-spec";
import { pino } from "pino";
import type { z } from "zod";
import { git, makeRepository } from "../git/testing/repository.ts";
import { startDaemon, type Daemon, type DaemonOptions } from "../main.ts";
import { FakeServer } from "./fake-server.ts";

export interface Setting {
  config?: z.input<typeof configSchema>;
  files?: Record<string, string>;
  server?: Partial<FakeServer["manners"]>;
  options?: Partial<DaemonOptions>;
}

export class World {
  readonly folder: string;
  readonly repo: string;
  readonly server: FakeServer;
  readonly options: DaemonOptions;
  daemon: Daemon | undefined;
  #runs = 0;

  private constructor(folder: string, server: FakeServer, setting: Setting) {
    this.folder = folder;
    this.server = server;
    this.repo = makeRepository(join(folder, "repo"), setting.files);
    this.options = { ...optionsIn(folder, configOf(setting), server.url), ...setting.options };
  }

  /** Everything but the daemon. */
  static async make(t: TestContext, setting: Setting = {}): Promise<World> {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), "makima-daemon-")));
    const server = await FakeServer.start(t, setting.server);
    const world = new World(folder, server, setting);
    t.after(async () => {
      await world.daemon?.close();
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    });
    return world;
  }

  static async start(t: TestContext, setting: Setting = {}): Promise<World> {
    const world = await World.make(t, setting);
    await world.up();
    return world;
  }

  async up(): Promise<Daemon> {
    this.daemon = await startDaemon(this.options);
    await this.daemon.connected;
    return this.daemon;
  }

  async down(): Promise<void> {
    await this.daemon?.close();
    this.daemon = undefined;
  }

  /** A script of the simulated agent as a file; its path. */
  script(turns: unknown[][], more: Record<string, unknown> = {}): string {
    const path = join(this.folder, `script-${randomUUID().slice(0, 8)}.json`);
    writeFileSync(path, JSON.stringify({ turns, ...more }));
    return path;
  }

  spec(more: Partial<RunSpec> = {}): RunSpec {
    this.#runs += 1;
    return specOf(this.repo, this.#runs, more);
  }

  /** Starts a run; answers its specification. */
  spawn(more: Partial<RunSpec> = {}): RunSpec {
    const spec = this.spec(more);
    this.server.command({ type: "spawnTask", spec });
    return spec;
  }

  /** Runs to its end. */
  async run(more: Partial<RunSpec> = {}): Promise<{ spec: RunSpec; end: ReportOf<"runEnded"> }> {
    const spec = this.spawn(more);
    return { spec, end: await this.server.ended(spec.runId) };
  }

  /** The next run of a task, as the server would make it: same task and session, next epoch. */
  next(spec: RunSpec, more: Partial<RunSpec> = {}): RunSpec {
    const end = this.server.of("runEnded", spec.runId).at(-1);
    const checkpoint = this.server.of("checkpointTaken").findLast((one) => one.taskId === spec.taskId);
    return this.spawn({
      ...spec,
      runId: randomUUID(),
      epoch: spec.epoch + 1,
      ...(end?.loop ? { loop: end.loop } : {}),
      ...(checkpoint
        ? { checkpoint: { n: checkpoint.n, ref: checkpoint.ref, commit: checkpoint.commit } }
        : {}),
      ...more,
    });
  }

  stop(spec: RunSpec, manner: CommandOf<"stopRun">["manner"]): void {
    this.server.command({ type: "stopRun", ...nameOf(spec), manner });
  }

  /** Prompts that the agent was given, oldest first: its own record of the conversation. */
  prompts(): string[] {
    const home = join(this.folder, "sim");
    const files = readdirSync(home, { recursive: true, encoding: "utf8" }).filter((name) =>
      name.endsWith(".jsonl"),
    );
    return files
      .flatMap((name) => readFileSync(join(home, name), "utf8").trim().split("\n"))
      .map((line) => JSON.parse(line) as { type: string; message?: { content: unknown } })
      .filter((line) => line.type === "user")
      .map((line) => JSON.stringify(line.message?.content ?? ""));
  }

  sessions(): string[] {
    const home = join(this.folder, "sim");
    return readdirSync(home, { recursive: true, encoding: "utf8" }).filter((name) =>
      /[0-9a-f-]{36}\.json$/.test(name),
    );
  }

  git(...args: string[]): string {
    return git(this.repo, ...args);
  }

  /** The file at a revision of the repository. */
  show(revision: string, path: string): string {
    return git(this.repo, "show", `${revision}:${path}`);
  }
}

export function nameOf(spec: RunSpec): { runId: string; taskId: string; epoch: number } {
  return { runId: spec.runId, taskId: spec.taskId, epoch: spec.epoch };
}

function configOf({ config = {} }: Setting): Config {
  return configSchema.parse({
    ...config,
    process: { claude_command: "/nonexistent/claude", ...config.process },
  });
}

export function optionsIn(folder: string, config: Config, serverUrl: string): DaemonOptions {
  const sim = fileURLToPath(import.meta.resolve("@makima/agents/sim/main"));
  mkdirSync(join(folder, "sim"), { recursive: true });
  return {
    config,
    serverUrl,
    apiKey: "test-key-of-the-daemon",
    name: "test",
    labels: [],
    stateDir: join(folder, "state"),
    journalPath: join(folder, "state", "daemon.db"),
    worktreesDir: join(folder, "worktrees"),
    reposDir: join(folder, "repos"),
    programs: {
      sim: { command: process.execPath, args: [sim], env: { MAKIMA_SIM_HOME: join(folder, "sim") } },
    },
    backoff: { minMs: 5, maxMs: 50 },
    log: pino(
      { level: process.env["MAKIMA_TEST_LOG"] ?? "silent" },
      pino.destination({ dest: 2, sync: true }),
    ),
  };
}

export function specOf(repo: string, n: number, more: Partial<RunSpec> = {}): RunSpec {
  const taskId = more.taskId ?? randomUUID();
  return {
    runId: randomUUID(),
    epoch: 1,
    attempt: 1,
    taskId,
    taskShortId: `t-${taskId.slice(-4)}`,
    taskName: `Add a note ${n}`,
    plan: "Write a note about the project.",
    repository: { id: "r1", name: "repo", kind: "local", path: repo },
    baseBranch: "main",
    branch: `makima/contract/add-a-note-${taskId.slice(-4)}`,
    copyFiles: [],
    completionAction: "branch",
    agent: "sim",
    agentScript: "happy",
    agentSpeed: 1000,
    autonomous: true,
    singleTask: false,
    maxIterations: 10,
    noChangeThreshold: 3,
    sameErrorThreshold: 5,
    limits: {},
    spent: { costUsd: 0, runtimeSecs: 0 },
    options: {
      requireTests: false,
      testTimeoutSecs: 60,
      requireLint: false,
      criteriaEnabled: true,
      requireVerifiable: true,
      autoAppendStandard: ["no_uncommitted_changes", "tests_pass"],
      contextRecovery: {
        enabled: true,
        includeGitStatus: true,
        includeRecentProgress: true,
        handoffAt: 0.8,
      },
      progressLog: { enabled: true, maxEntriesInjected: 20 },
      commit: { enabled: true, messageFormat: "conventional", coAuthor: "" },
    },
    messages: [],
    apiKey: "mk-secret-key-of-this-run",
    ...more,
  };
}

/** Pids that carry the marker of a run, or a child's. */
export function processesOf(runId: string): string[] {
  return readdirSync("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      if (/^\d+ \(.*\) Z /s.test(readFileSync(`/proc/${pid}/stat`, "utf8"))) return false;
      return readFileSync(`/proc/${pid}/environ`, "latin1").includes(runId);
    } catch {
      return false;
    }
  });
}

/** A pipe with a name: who reads waits for who writes, and the other way round. */
export function makePipe(path: string): string {
  const program = "mkfifo";
  execFileSync(program, [path]);
  return path;
}
