/**
 * Leave for a step that cannot be taken back (commit to a branch, push, merge, pull request).
 *
 * The server grants it to the run that holds the task's lease and to no other. A request is open until it is
 * answered; it is asked again on each new connection, and waits as long as its caller does.
 */
import { randomUUID } from "node:crypto";
import { EventEmitter } from "node:events";
import type { LEAVE_ACTIONS } from "@makima/protocol/daemon-wire";

export type LeaveAction = (typeof LEAVE_ACTIONS)[number];

export interface RunName {
  runId: string;
  taskId: string;
  epoch: number;
}

interface Request {
  requestId: string;
  run: RunName;
  action: LeaveAction;
  settle: (granted: boolean) => void;
}

export class LeaveDesk extends EventEmitter<{ asked: [] }> {
  readonly #requests = new Map<string, Request>();

  /** Resolves to whether the run may; rejects only when `signal` aborts. */
  ask(run: RunName, action: LeaveAction, signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return void reject(signal.reason);
      const requestId = randomUUID();
      const abort = () => {
        this.#requests.delete(requestId);
        reject(signal.reason);
      };
      signal.addEventListener("abort", abort, { once: true });
      const settle = (granted: boolean) => {
        this.#requests.delete(requestId);
        signal.removeEventListener("abort", abort);
        resolve(granted);
      };
      const { runId, taskId, epoch } = run;
      this.#requests.set(requestId, { requestId, run: { runId, taskId, epoch }, action, settle });
      this.emit("asked");
    });
  }

  open(): Iterable<Omit<Request, "settle">> {
    return this.#requests.values();
  }

  answered(requestId: string, granted: boolean): void {
    this.#requests.get(requestId)?.settle(granted);
  }
}
