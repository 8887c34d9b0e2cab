/**
 * What the parts of one server tell each other after a commit. Nothing here is the truth: a signal says
 * where to look, the database says what is so, and a signal that is lost costs time, not state.
 */
import { EventEmitter } from "node:events";
import type { EventView } from "@makima/protocol/api/contracts";
import type { HistoryEntry } from "@makima/protocol/history";

export interface SignalMap {
  /** A task may have become placeable, or a slot free. */
  workChanged: [];
  /** Commands for a daemon were stored. */
  commandsAdded: [daemonId: string];
  /** Events of an owner were committed, in order. */
  eventsAdded: [ownerId: string, events: EventView[]];
  /** Entries of a task's history were committed, in order. */
  historyAdded: [taskId: string, entries: HistoryEntry[]];
  /** The record of a task changed. */
  taskChanged: [taskId: string];
  /** A key or session died; sockets opened with it must close. */
  credentialEnded: [credentialId: string];
  /** A timer (lease, wake-up) may be due earlier than was thought. */
  timersChanged: [];
}

export class Signals extends EventEmitter<SignalMap> {
  constructor() {
    super();
    this.setMaxListeners(0);
  }
}
