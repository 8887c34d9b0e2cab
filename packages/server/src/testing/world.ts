/** A world for tests of jobs: a database, its owner, daemons that say hello, contracts with work in them. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import { pino } from "pino";
import type { Command, CommandOf, Report } from "@makima/protocol/daemon-wire";
import { createContract as createContractRoute } from "@makima/protocol/api/contracts";
import type { RunSpec } from "@makima/protocol/run-spec";
import { WIRE_VERSION } from "@makima/protocol/version";
import type { Caller, Deps } from "../deps.ts";
import type { Outcome } from "../outcome.ts";
import { Signals } from "../signals.ts";
import { applyReports } from "../jobs/apply-reports.ts";
import { PERSON_SCOPES } from "../jobs/authenticate.ts";
import { listCommands } from "../jobs/commands.ts";
import { createContract, type CreatedContract } from "../jobs/create-contract.ts";
import { daemonHello, type Hello } from "../jobs/daemon-hello.ts";
import { ensureLocalOwner } from "../jobs/ensure-local-owner.ts";
import { newId } from "../store/ids.ts";
import { openDatabase } from "../store/open.ts";
import { testDatabase } from "./test-database.ts";

export interface World extends AsyncDisposable {
  deps: Deps;
  caller: Caller;
  /** Another owner in the same database. */
  stranger(): Promise<Caller>;
  /** A contract of type `single`, started. */
  contract(overrides?: Record<string, unknown>): Promise<CreatedContract>;
  daemon(overrides?: Partial<Hello>, caller?: Caller): Promise<FakeDaemon>;
}

export async function openWorld(settings: Partial<Deps> = {}): Promise<World> {
  const database = await testDatabase();
  const log = pino({ level: process.env["TEST_LOG"] ?? "silent" });
  const opened = await openDatabase({ connection: database.connection, log, poolSize: 8 });
  const deps: Deps = {
    db: opened.db,
    signals: new Signals(),
    log,
    leases: { heartbeatSecs: 1, leaseSecs: 30, graceSecs: 60 },
    limits: { maxAttempts: 3, maxTasks: 200 },
    retentionDays: 30,
    now: () => Date.now(),
    ...settings,
  };
  const caller = await ensureLocalOwner(deps);
  return {
    deps,
    caller,
    stranger: () => makeOwner(deps),
    contract: async (overrides = {}) => {
      const body = createContractRoute.body?.parse({
        goal: "Add a greeting",
        contractType: "single",
        start: true,
        repositories: [{ kind: "managed" }],
        task: { agent: "sim" },
        ...overrides,
      });
      assert.ok(body);
      return valueOf(await createContract(deps, caller, body));
    },
    daemon: (overrides, as = caller) => FakeDaemon.connect(deps, as, overrides),
    async [Symbol.asyncDispose]() {
      await opened[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}

async function makeOwner(deps: Deps): Promise<Caller> {
  const id = newId();
  await deps.db.insertInto("owner").values({ id, name: id, role: "member" }).execute();
  return {
    ownerId: id,
    ownerName: id,
    role: "member",
    principal: "person",
    scopes: PERSON_SCOPES,
    credentialId: "test",
    via: "key",
  };
}

/** The value of an outcome that must not be a refusal. */
export function valueOf<T>(outcome: Outcome<T>): T {
  assert.ok(outcome.ok, outcome.ok ? "" : `${outcome.refusal.code}: ${outcome.refusal.detail}`);
  return outcome.value;
}

/** The refusal's code of an outcome that must be one. */
export function codeOf(outcome: Outcome<unknown>): string {
  assert.ok(!outcome.ok, "expected a refusal");
  return outcome.refusal.code;
}

/** A daemon as the server sees it. */
export class FakeDaemon {
  readonly deps: Deps;
  readonly caller: Caller;
  hello: Hello;
  #next = 1;

  private constructor(deps: Deps, caller: Caller, hello: Hello) {
    this.deps = deps;
    this.caller = caller;
    this.hello = hello;
  }

  static async connect(deps: Deps, caller: Caller, overrides: Partial<Hello> = {}): Promise<FakeDaemon> {
    const hello: Hello = {
      type: "hello",
      wireVersion: WIRE_VERSION,
      version: "0.1.0",
      capabilities: [],
      daemonId: randomUUID(),
      journalId: randomUUID(),
      name: "test",
      hostId: "host",
      hostname: "host",
      labels: [],
      slots: 4,
      agents: [{ name: "sim", available: true }],
      commandsReceived: 0,
      runs: [],
      ...overrides,
    };
    const daemon = new FakeDaemon(deps, caller, hello);
    await daemon.greet();
    return daemon;
  }

  get id(): string {
    return this.hello.daemonId;
  }

  async greet(overrides: Partial<Hello> = {}) {
    this.hello = { ...this.hello, ...overrides };
    const outcome = await daemonHello(this.deps, this.caller, this.hello);
    assert.ok(outcome.ok, outcome.ok ? "" : outcome.refusal.message);
    return outcome.value;
  }

  async commands(after = 0): Promise<Command[]> {
    return (await listCommands(this.deps, this.id, after, 10_000)).map(({ command }) => command);
  }

  async commandsOf<T extends Command["type"]>(type: T): Promise<CommandOf<T>[]> {
    return (await this.commands()).filter((command): command is CommandOf<T> => command.type === type);
  }

  async specs(): Promise<RunSpec[]> {
    return (await this.commandsOf("spawnTask")).map(({ spec }) => spec);
  }

  /** Reports in order, numbered on; the highest number that is stored. */
  async report(...items: Report[]): Promise<number> {
    const first = this.#next;
    this.#next += items.length;
    return this.reportFrom(first, ...items);
  }

  reportFrom(first: number, ...items: Report[]): Promise<number> {
    return applyReports(this.deps, { daemonId: this.id, journalId: this.hello.journalId, first, items });
  }
}

export const runName = ({ runId, taskId, epoch }: RunSpec) => ({ runId, taskId, epoch });

export function started(spec: RunSpec): Report[] {
  const run = runName(spec);
  const where = { worktreePath: "/w/1", branch: spec.branch, baseCommit: "a".repeat(40) };
  return [
    { type: "runPreparing", ...run },
    { type: "runStarted", ...run, ...where },
  ];
}

export function ended(spec: RunSpec, outcome: Extract<Report, { type: "runEnded" }>["outcome"]): Report {
  return { type: "runEnded", ...runName(spec), outcome, runtimeSecs: 1 };
}

/** Everything that is stored, as text: to see that nothing changed. */
export async function snapshot(deps: Deps): Promise<string> {
  const tables = [
    "owner",
    "contract",
    "repository",
    "task",
    "task_seq",
    "run",
    "task_event",
    "event",
    "command",
    "api_key",
    "question",
    "pending_message",
    "daemon_inbox",
    "daemon_outbox",
    "idempotency_key",
  ];
  const all: unknown[] = [];
  for (const table of tables) {
    const { rows } =
      await sql`select to_jsonb(x) as row from ${sql.table(`makima.${table}`)} x order by to_jsonb(x)::text`.execute(
        deps.db,
      );
    all.push([table, rows]);
  }
  return JSON.stringify(all, undefined, 1);
}
