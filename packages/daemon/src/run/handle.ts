/**
 * One run that this daemon holds, as the rest of the daemon reaches it: to stop it, to write to its agent,
 * to answer what it asked. The loop in `carry-out.ts` owns everything else.
 */
import { EventEmitter } from "node:events";
import type { AgentProcess } from "../agent/agent-process.ts";
import type { HeldRun } from "../journal/runs.ts";
import type { Workplace } from "./launch.ts";
import { RunStopped, type StopReason } from "./run-error.ts";
import type { TurnEnd } from "./turn.ts";

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

/** A stronger reason takes the place of a weaker one: what the server says counts more than what we noticed. */
const STRENGTH: Partial<Record<StopReason, number>> = { fence: 1, shutdown: 2, pause: 3, cancel: 4, lost: 4 };

function strengthOf(reason: StopReason | undefined): number {
  return reason === undefined ? 0 : (STRENGTH[reason] ?? 1);
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
  /** Its agent is being stopped, by whomever. */
  stopping = false;
  /** Where it works, once that is made. */
  place: Workplace | undefined;
  /** Messages that were written to the living agent, or are in the prompt that it was given. */
  readonly underway = new Set<string>();
  /** A turn that is over and not yet judged: what it cost is in no report. */
  unjudged: TurnEnd | undefined;
  /** It comes from before this daemon's start, and the server has not said that it is still ours. */
  #held = false;
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

  /** Asks the run to stop. */
  stop(reason: StopReason): void {
    if (strengthOf(reason) <= strengthOf(this.#stop)) return;
    this.#stop = reason;
    this.#abort.abort(new RunStopped(reason));
    this.emit("stop", reason);
  }

  /** Nothing is started before the server has said that the run is still ours. */
  hold(): void {
    this.#held = true;
  }

  /** Resolves when the server has said so, or the run is to stop. */
  async confirmed(): Promise<void> {
    if (!this.#held || this.#stop !== undefined) return;
    await new Promise<void>((resolve) => {
      this.once("resumed", resolve);
      this.once("stop", () => resolve());
    });
  }

  /** The server says that the run is still ours: it may go on, where it was fenced or held. */
  keep(): void {
    this.#held = false;
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
