/**
 * One run that this daemon holds, as the rest of the daemon reaches it: to stop it, to write to its agent,
 * to answer what it asked. The loop in `carry-out.ts` owns everything else.
 */
import { EventEmitter } from "node:events";
import type { AgentProcess } from "../agent/agent-process.ts";
import type { HeldRun } from "../journal/runs.ts";
import type { Workplace } from "./launch.ts";
import { RunStopped, type StopReason } from "./run-error.ts";

/** A question of the agent that waits for a person. */
export interface OpenQuestion {
  questionId: string;
  /** The agent's own number for it. */
  requestId: string;
  kind: "question" | "permission";
  input: unknown;
  /** The questions' texts, in order; an answer is given to each. */
  texts: string[];
}

export interface RunHandleEvents {
  stop: [reason: StopReason];
  /** A fenced run may go on. */
  resumed: [];
  /** A person's message waits in the journal. */
  message: [];
  asked: [question: OpenQuestion];
  answered: [questionId: string];
}

export class RunHandle extends EventEmitter<RunHandleEvents> {
  readonly run: HeldRun;
  /** The agent's process while one is alive. */
  agent: AgentProcess | undefined;
  readonly questions = new Map<string, OpenQuestion>();
  /** Failures before the loop began, by kind. */
  readonly failures: Record<string, number> = {};
  /** Whether the tests fail at the base commit; undefined until somebody looked. */
  redAtBase: boolean | undefined;
  /** Where it works, once that is made. */
  place: Workplace | undefined;
  /** Messages that were written to the living agent, or are in the prompt that it was given. */
  readonly underway = new Set<string>();
  #stop: StopReason | undefined;
  #abort = new AbortController();

  constructor(run: HeldRun) {
    super();
    this.run = run;
    if (run.stopManner) this.stop(run.stopManner);
  }

  get name(): { runId: string; taskId: string; epoch: number } {
    const { runId, taskId, epoch } = this.run.spec;
    return { runId, taskId, epoch };
  }

  /** Aborts when the run is to stop; renewed when a fenced run may go on. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get stopReason(): StopReason | undefined {
    return this.#stop;
  }

  /** Asks the run to stop. A reason of the server overrides one of the daemon's own; else the first one counts. */
  stop(reason: StopReason): void {
    const fromServer = reason === "pause" || reason === "cancel" || reason === "lost";
    if (this.#stop !== undefined && !fromServer) return;
    this.#stop = reason;
    this.#abort.abort(new RunStopped(reason));
    this.emit("stop", reason);
  }

  /** The server says that a fenced run is still ours: its loop may go on. */
  keep(): void {
    if (this.#stop === "fence") {
      this.#stop = undefined;
      this.#abort = new AbortController();
    }
    this.emit("resumed");
  }

  /** Throws `RunStopped` when the run is to stop. */
  check(): void {
    if (this.#stop !== undefined) throw new RunStopped(this.#stop);
  }
}
