/**
 * One running agent: started, read, written to, stopped.
 *
 * It is over only when its process has ended, nothing that it started still runs, and its output is stored to
 * the last byte; then `exited` resolves with the facts.
 */
import { randomUUID } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import type { AgentEvent } from "@makima/protocol/agent-event";
import { systemClock, type Clock } from "../process/clock.ts";
import type { ProcessIdentity } from "../process/identity.ts";
import { startProcess, type ExitStatus, type StartedProcess } from "../process/start.ts";
import type { StartGate, StartPermit } from "../process/start-gate.ts";
import { stopProcess, type StopGraces, type StopManner, type StopReport } from "../process/stop.ts";
import { RUN_MARKER, sweep } from "../process/sweep.ts";
import { createTimers } from "../process/timers.ts";
import type { Agent, Answers, LaunchSpec } from "./agent.ts";
import { followOutput, spoolFiles, type EventBatch } from "./agent-output.ts";
import { createInput } from "./input.ts";
import { sessionRefusal, type SessionRefusal } from "./session-refusal.ts";
import { collectFacts, type PendingRequest, type TurnFacts } from "./turn-facts.ts";

export interface AgentProcessSpec {
  adapter: Agent;
  launch: LaunchSpec;
  command: string;
  /** Sandbox and its arguments, put before the command. */
  wrap?: string[];
  env: Record<string, string>;
  /** The worktree. */
  cwd: string;
  runId: string;
  /** Folder of this process's spool files; made if missing, the same never used twice. */
  spoolFolder: string;
  /** Stores a batch with its offset in one transaction. If it fails, the agent is ended. */
  onEvents: (batch: EventBatch) => Promise<void> | void;
  /** The process runs: the place to store its identity before anything is written to it. */
  onStarted?: (identity: ProcessIdentity) => Promise<void> | void;
  /** Nothing came for `silentAfterMs` (30 s) since the start. Called once. */
  onSilent?: (silentMs: number) => void;
  startGate?: StartGate;
  /** Aborts the wait for a start; a process that was started is stopped with `stop`. */
  signal?: AbortSignal;
  clock?: Clock;
  graces?: StopGraces;
  silentAfterMs?: number;
  /** How long a process may go on in silence after its input was closed. */
  lingerMs?: number;
}

/** Why makima ended the process, when it did: asked to, or by itself. */
export type StopCause = "asked" | "auth" | "session" | "linger" | "store_failed";

export interface AgentExit extends ExitStatus {
  facts: TurnFacts;
  stoppedBy?: StopCause;
  sessionRefused?: SessionRefusal;
  /** Messages that the agent did not take in; they belong into the next prompt. */
  undelivered: string[];
  /** Pids of processes that it left behind and that were ended. */
  swept: number[];
  /** What was asked for at the start and could not be had. */
  notes: string[];
}

export interface AgentProcess extends ProcessIdentity {
  /** Writes a message; true once the agent took it in, false when it ended without. */
  send(text: string): Promise<boolean>;
  /** These four: false when that request does not wait any more. */
  answer(requestId: string, answers: Answers): boolean;
  allow(requestId: string, updatedInput?: unknown): boolean;
  deny(requestId: string, message: string): boolean;
  /** Asks the agent to end its turn; resolves at its result, or at its end. */
  interrupt(): Promise<void>;
  stop(manner: StopManner): Promise<StopReport>;
  facts(): TurnFacts;
  /** Rejects only when storing its output failed. */
  readonly exited: Promise<AgentExit>;
}

const SILENT_AFTER_MS = 30_000;
const LINGER_MS = 120_000;
/** After a result: how long a written message may take to be echoed before input is closed all the same. */
const ECHO_MS = 10_000;

/** Starts an agent. Throws `ProcessError` when it cannot; nothing runs then. */
export async function startAgent(spec: AgentProcessSpec): Promise<AgentProcess> {
  const launch = spec.adapter.launch(spec.launch);
  await mkdir(spec.spoolFolder, { recursive: true, mode: 0o700 });
  for (const file of launch.files) await writeFile(file.path, file.content, { mode: 0o600 });
  const permit = await spec.startGate?.enter(spec.signal);
  let started: StartedProcess | undefined;
  try {
    started = await startProcess({ ...spec, args: launch.args, ...spoolFiles(spec.spoolFolder) });
    await spec.onStarted?.({ pid: started.pid, startTime: started.startTime });
    return await follow(spec, launch, started, permit);
  } catch (error) {
    permit?.release();
    if (started) await sweep({ name: RUN_MARKER, value: spec.runId }, [started]);
    throw error;
  }
}

async function follow(
  spec: AgentProcessSpec,
  launch: { firstLines: string[]; notes: string[] },
  started: StartedProcess,
  permit: StartPermit | undefined,
): Promise<AgentProcess> {
  const { adapter } = spec;
  const { session } = spec.launch;
  const clock = spec.clock ?? systemClock;
  const marker = { name: RUN_MARKER, value: spec.runId };
  const identity: ProcessIdentity = { pid: started.pid, startTime: started.startTime };
  const input = createInput(started.stdin, adapter);
  const timers = createTimers<"silent" | "echo" | "linger">(clock);
  const onResult = new Set<() => void>();
  let stoppedBy: StopCause | undefined;
  let running = true;
  /** The last turn is over and no other has begun. */
  let idle = false;

  // A quick agent is heard before both of its files are followed.
  const facts = collectFacts();
  const output = await followOutput({
    adapter,
    folder: spec.spoolFolder,
    facts,
    onEvents: spec.onEvents,
    onStored: heard,
  });

  function heard(events: AgentEvent[]): void {
    permit?.release();
    timers.clear("silent");
    for (const event of events) take(event);
    if (!running) return;
    if (facts.live.authFailed) endBecause("auth", "interrupt");
    if (sessionRefusal(session, facts.live)) endBecause("session", "interrupt");
    if (input.closed) linger();
    else if (idle && facts.pending.size === 0) closeWhenDelivered();
    else timers.clear("echo");
  }

  function take(event: AgentEvent): void {
    switch (event.type) {
      case "session":
      case "text":
      case "thinking":
      case "toolCall":
        idle = false;
        return;
      case "unknownRequest":
        input.write(adapter.decline(event.requestId, "makima does not offer this"));
        return;
      case "echo":
        input.echoed(event.text);
        return;
      case "result":
        idle = true;
        for (const settle of onResult) settle();
        onResult.clear();
        return;
      default:
    }
  }

  /** A message on its way makes a turn of its own. One whose echo never comes must not keep the agent for ever. */
  function closeWhenDelivered(): void {
    if (input.underway.length === 0) close();
    else if (!timers.has("echo")) timers.set("echo", ECHO_MS, close);
  }

  function close(): void {
    input.close();
    linger();
  }

  function linger(): void {
    timers.set("linger", spec.lingerMs ?? LINGER_MS, () => endBecause("linger", "terminate"));
  }

  function endBecause(cause: StopCause, manner: StopManner): void {
    if (stoppedBy !== undefined || !running) return;
    stoppedBy = cause;
    void runStop(manner);
  }

  function runStop(manner: StopManner): Promise<StopReport> {
    const { exited } = started;
    const target = { process: identity, marker, closeInput: input.close, exited };
    // Once its input is closed it cannot be asked any more.
    return stopProcess(input.closed ? target : { ...target, interrupt }, manner, spec.graces, clock);
  }

  function interrupt(): Promise<void> {
    const gone = started.exited.then(() => undefined);
    if (!input.write(adapter.interrupt(randomUUID()))) return gone;
    return Promise.race([gone, new Promise<void>((resolve) => onResult.add(resolve))]);
  }

  function reply(requestId: string, line: (request: PendingRequest) => string): boolean {
    const request = facts.pending.get(requestId);
    if (!request || !input.write(line(request))) return false;
    facts.answered(requestId);
    return true;
  }

  async function end(): Promise<AgentExit> {
    const exit = await started.exited;
    running = false;
    permit?.release();
    timers.clearAll();
    try {
      const { ended: swept } = await sweep(marker);
      await output.finish();
      const sessionRefused = sessionRefusal(session, facts.live);
      return {
        ...exit,
        facts: facts.facts(),
        ...(stoppedBy === undefined ? {} : { stoppedBy }),
        ...(sessionRefused === undefined ? {} : { sessionRefused }),
        undelivered: input.underway,
        swept,
        notes: launch.notes,
      };
    } finally {
      input.ended();
    }
  }

  output.done.catch(() => endBecause("store_failed", "kill"));
  const exited = end();
  exited.catch(() => undefined);
  const silentAfterMs = spec.silentAfterMs ?? SILENT_AFTER_MS;
  if (!facts.live.heard) timers.set("silent", silentAfterMs, () => spec.onSilent?.(silentAfterMs));
  for (const line of launch.firstLines) input.write(line);
  return {
    ...identity,
    exited,
    send: input.send,
    answer: (id, answers) => reply(id, (request) => adapter.answer(id, request.input, answers)),
    allow: (id, updated) => reply(id, (request) => adapter.allow(id, updated ?? request.input)),
    deny: (id, message) => reply(id, () => adapter.deny(id, message)),
    interrupt,
    stop(manner) {
      stoppedBy ??= "asked";
      return runStop(manner);
    },
    facts: facts.facts,
  };
}
