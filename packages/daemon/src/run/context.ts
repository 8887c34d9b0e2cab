/** What every run of this daemon is given. */
import type { Config } from "@makima/protocol/config";
import type { Report } from "@makima/protocol/daemon-wire";
import type { OutputEntry } from "@makima/protocol/history";
import type { Logger } from "pino";
import type { KeyedLock } from "../git/keyed-lock.ts";
import type { Journal } from "../journal/open.ts";
import { isJournalFull, type JournalRoom } from "../journal/room.ts";
import type { Outbox } from "../journal/outbox.ts";
import type { LeaveDesk } from "../link/leave.ts";
import type { StartGate } from "../process/start-gate.ts";
import type { Credentials } from "../login/credentials.ts";
import type { LoginDesk } from "../login/login-desk.ts";
import { saveRun } from "../journal/runs.ts";
import type { RunHandle } from "./handle.ts";

export interface DaemonPaths {
  worktreesDir: string;
  reposDir: string;
  /** The daemon's own records: git directories, spools, trash. */
  stateDir: string;
  /** Warm checkouts that checks run in. */
  checksDir: string;
}

/** The programs of the agents that this daemon can run. */
export interface AgentPrograms {
  /** Command and leading arguments of the simulated agent, and variables that it needs. */
  sim: { command: string; args: string[]; env: Record<string, string> };
}

export interface RunContext {
  journal: Journal;
  outbox: Outbox;
  /** Where to wait while the journal cannot be written. */
  room: JournalRoom;
  leave: LeaveDesk;
  logins: LoginDesk;
  log: Logger;
  config: Config;
  paths: DaemonPaths;
  programs: AgentPrograms;
  /** Program of each agent, one word. */
  commands: Record<string, string>;
  credentials: Credentials;
  /** REST address for the agent's own calls. */
  apiUrl: string;
  hostname: string;
  locks: KeyedLock;
  startGate: StartGate;
  /** Milliseconds that an agent's process waits for an answer before its run parks. */
  questionMs: number;
  /** Milliseconds after which an agent that said nothing is spoken of; its own default if undefined. */
  silentMs?: number;
  /** Folder put first on an agent's PATH, with makima itself in it. */
  binDir?: string;
  /** Epoch milliseconds, for what is shown. */
  now: () => number;
  /** In [0, 1). */
  random: () => number;
}

/** Appends entries to the task's history. */
export function tell(context: RunContext, handle: RunHandle, ...entries: OutputEntry[]): void {
  report(context, { type: "output", ...handle.name, entries });
}

/** Like `tell`, from a timer: nobody is there to hear that it cannot be stored, and the run goes on without it. */
export function mention(context: RunContext, handle: RunHandle, ...entries: OutputEntry[]): void {
  try {
    tell(context, handle, ...entries);
  } catch (error) {
    if (!isJournalFull(error)) throw error;
    context.log.warn({ runId: handle.run.spec.runId }, "a notice could not be stored: the disk is full");
  }
}

/** One entry with the time of now. */
export function entry(
  context: RunContext,
  messageType: OutputEntry["messageType"],
  content: string,
  more: Partial<OutputEntry> = {},
): OutputEntry {
  return { at: new Date(context.now()).toISOString(), messageType, content, ...more };
}

export function report(context: RunContext, ...reports: Report[]): void {
  context.outbox.add(reports);
}

/** Stores reports and where the run stands in one transaction, so that none is told again after a crash. */
export function reportAndSave(context: RunContext, handle: RunHandle, ...reports: Report[]): void {
  context.outbox.add(reports, () => saveRun(context.journal, handle.run));
}
