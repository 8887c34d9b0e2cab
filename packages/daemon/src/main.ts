/**
 * The daemon: takes tasks from the server, runs agents in worktrees, reports. `startDaemon` reads as its
 * table of contents; the rooms beside this file hold the rest.
 */
import { randomUUID } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { socketAddress, httpAddress } from "@makima/client/address";
import type { Backoff } from "@makima/client/backoff";
import { openSocket, type Socket } from "@makima/client/socket";
import type { Config } from "@makima/protocol/config";
import { MAX_FRAME_BYTES } from "@makima/protocol/daemon-wire";
import { MAKIMA_VERSION, WIRE_VERSION } from "@makima/protocol/version";
import type { Logger } from "pino";
import { beginLogin, discoverAgents, isSignedIn, openAgentRoom, type AgentRoom } from "./agents.ts";
import { KeyedLock } from "./git/keyed-lock.ts";
import { hostId } from "./host-id.ts";
import { openJournal, type Journal } from "./journal/open.ts";
import { JournalRoom } from "./journal/room.ts";
import { addWhenRoom, Outbox } from "./journal/outbox.ts";
import { LeaveDesk } from "./link/leave.ts";
import { Link } from "./link/link.ts";
import type { LinkError } from "./link/link-error.ts";
import { Credentials } from "./login/credentials.ts";
import { LoginDesk } from "./login/login-desk.ts";
import { emptyTrash } from "./worktree/trash.ts";
import { createStartGate } from "./process/start-gate.ts";
import { answerQuery } from "./run/answer-query.ts";
import type { AgentPrograms, RunContext } from "./run/context.ts";
import { endStrangers } from "./run/end-strangers.ts";
import { putAsideUnreadable } from "./run/put-aside.ts";
import { RunPool } from "./run/pool.ts";

export interface DaemonOptions {
  config: Config;
  /** http or ws address of the server. */
  serverUrl: string;
  apiKey: string;
  name?: string;
  labels: readonly string[];
  /** Folder of the daemon's own records. */
  stateDir: string;
  journalPath: string;
  /** The journal at that path, where somebody has opened it already. */
  journal?: Journal;
  /** Folders with `~` resolved. */
  worktreesDir: string;
  reposDir: string;
  programs: AgentPrograms;
  /** Folder with `makima` in it, put first on an agent's PATH. */
  binDir?: string;
  /** Milliseconds that an agent waits for an answer before its run parks; five minutes. */
  questionMs?: number;
  /** Milliseconds after which an agent that said nothing is spoken of; thirty seconds. */
  silentMs?: number;
  /** Milliseconds between attempts to write into a journal whose disk is full; five seconds. */
  roomMs?: number;
  /** Between attempts to connect. */
  backoff?: Backoff;
  log: Logger;
}

export interface Daemon {
  readonly daemonId: string;
  /** Resolves when the daemon was taken in by the server for the first time. */
  readonly connected: Promise<void>;
  /** Resolves with why, when the server will not have this daemon. */
  readonly refused: Promise<LinkError>;
  /** Runs that it holds. */
  running(): number;
  /** Stops agents gently, checkpoints their work, keeps their runs for the next start. */
  close(): Promise<void>;
}

/** Agents that start at the same time on a small machine keep each other from starting. */
const STARTS_AT_ONCE = 2;
const QUESTION_MS = 5 * 60 * 1000;

export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { config, log } = options;
  await mkdir(options.stateDir, { recursive: true, mode: 0o700 });
  const daemonId = await stableId(join(options.stateDir, "daemon-id"));
  const journal = options.journal ?? openJournal(options.journalPath);
  if (journal.replaced)
    log.error({ kept: journal.replaced }, "the journal could not be read; a new one was begun");
  const room = await openAgentRoom(
    config,
    options.programs,
    new Credentials(options.stateDir),
    options.stateDir,
  );
  const agents = await discoverAgents(room);
  const context = contextOf(options, journal, room);
  const pool = new RunPool(context);
  const link = new Link({
    journal,
    outbox: context.outbox,
    log,
    leave: context.leave,
    hello: () => ({
      wireVersion: WIRE_VERSION,
      version: MAKIMA_VERSION,
      capabilities: [],
      daemonId,
      name: options.name ?? context.hostname,
      hostId: hostId(),
      hostname: context.hostname,
      labels: [...options.labels],
      slots: config.process.max_concurrent_tasks,
      agents,
      runs: pool.known(),
    }),
    liveRuns: () => pool.live().map(({ runId, epoch }) => ({ runId, epoch })),
    freeSlots: () => Math.max(0, config.process.max_concurrent_tasks - pool.size),
    answer: (query) => answerQuery(context, query),
  });
  const { promise: connected, resolve: nowConnected } = Promise.withResolvers<void>();
  const { promise: refused, resolve: nowRefused } = Promise.withResolvers<LinkError>();
  link.on("welcome", (welcome) => {
    pool.welcome(welcome.runs);
    nowConnected();
  });
  link.on("commands", () => pool.handleCommands());
  link.on("lost", (runIds) => pool.lose(runIds));
  link.on("fenced", () => pool.fence());
  link.on("renewed", (runIds) => pool.renew(runIds));
  link.on("refused", nowRefused);
  putAsideUnreadable(context);
  await endStrangers(context);
  // What was removed before a crash and is not yet gone from the disk.
  void emptyTrash(options.worktreesDir).catch((error: unknown) =>
    log.warn({ err: error }, "the trash could not be emptied"),
  );
  pool.resume();
  pool.handleCommands();
  const socket = connect(options, link);
  return {
    daemonId,
    connected,
    refused,
    running: () => pool.size,
    async close() {
      const closed = pool.close();
      context.room.close();
      await closed;
      context.logins.close();
      await flushed(context.outbox, link);
      socket.close();
      link.close();
      journal.close();
    },
  };
}

function contextOf(options: DaemonOptions, journal: Journal, agents: AgentRoom): RunContext {
  const { config, log, programs } = options;
  const outbox = new Outbox(journal);
  const room = new JournalRoom(journal, log, options.roomMs);
  const host = hostname();
  return {
    journal,
    outbox,
    room,
    leave: new LeaveDesk(),
    logins: new LoginDesk({
      hostname: host,
      log,
      report: (one) => addWhenRoom(outbox, room, one),
      begin: (agent) => beginLogin(agents, agent),
      signedIn: (agent) => isSignedIn(agents, agent),
    }),
    log,
    config,
    paths: {
      worktreesDir: options.worktreesDir,
      reposDir: options.reposDir,
      stateDir: options.stateDir,
      checksDir: join(options.stateDir, "checks"),
    },
    programs,
    commands: agents.commands,
    credentials: agents.credentials,
    apiUrl: httpAddress(options.serverUrl),
    hostname: host,
    locks: new KeyedLock(),
    startGate: createStartGate(STARTS_AT_ONCE),
    questionMs: options.questionMs ?? QUESTION_MS,
    ...(options.silentMs === undefined ? {} : { silentMs: options.silentMs }),
    ...(options.binDir === undefined ? {} : { binDir: options.binDir }),
    now: Date.now,
    random: Math.random,
  };
}

function connect(options: DaemonOptions, link: Link): Socket {
  return openSocket({
    url: socketAddress(options.serverUrl, "/mesh/daemons/connect"),
    key: options.apiKey,
    maxFrameBytes: MAX_FRAME_BYTES,
    ...(options.backoff ? { backoff: options.backoff } : {}),
    onOpen: (wire) => link.opened(wire),
    onFrame: (text) => link.received(text),
    onState(state) {
      if (state.type === "waiting") {
        options.log.warn(
          { reason: state.reason, inMs: Math.round(state.waitMs) },
          "no connection to the server",
        );
        link.closed();
      } else if (state.type === "closed") {
        link.closed();
        if (state.status !== undefined) link.denied(state.status);
      }
    },
  });
}

/** How long a daemon that stops waits for its last reports to be stored; they wait in the journal otherwise. */
const FLUSH_MS = 3000;

async function flushed(outbox: Outbox, link: Link): Promise<void> {
  if (outbox.waiting === 0 || !link.connected) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, FLUSH_MS);
    outbox.on("acknowledged", () => {
      if (outbox.waiting > 0) return;
      clearTimeout(timer);
      resolve();
    });
  });
}

/** An id that stays the same when the journal has to be begun anew. */
async function stableId(path: string): Promise<string> {
  const there = (await readFile(path, "utf8").catch(() => "")).trim();
  if (/^[0-9a-f-]{36}$/.test(there)) return there;
  const id = randomUUID();
  await writeFile(path, `${id}\n`, { mode: 0o600 });
  return id;
}
