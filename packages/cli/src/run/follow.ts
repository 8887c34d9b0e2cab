/**
 * Follows a task to where it rests, and lets a person steer it meanwhile.
 *
 * Ctrl-C and the time-out ask the server to pause the task and go on following until it has stopped; both are
 * bounded, so a server that is gone does not hold the command. A question is answered here where somebody
 * can type, and else ends the command: it waits in the inbox.
 */
import { ProblemError, ServerUnreachable } from "@makima/client/client-error";
import { followTask } from "@makima/client/follow-task";
import type { Client } from "@makima/client/rest";
import { isFinal } from "@makima/core/task";
import type { QuestionView } from "@makima/protocol/api/mesh";
import { routes } from "@makima/protocol/api/routes";
import type { TaskView } from "@makima/protocol/api/task-schema";
import type { HistoryEntry } from "@makima/protocol/history";
import { createAsker, type Asker } from "./ask.ts";
import { watchAway, type Away } from "./away.ts";
import type { Stopped } from "./result.ts";
import { ASKS, type RunView } from "./view.ts";

const PATIENCE = {
  /** How long stopping an agent gently may take before the command leaves it to the server, ms. */
  pauseMs: 45_000,
  /** How long a server may be away before this machine's own one is looked after, ms. */
  reviveMs: 3_000,
  /** How long before following ends. */
  awayMs: 60_000,
};

export interface FollowRun {
  client: Client;
  task: TaskView;
  view: RunView;
  /** Calls back at each Ctrl-C; gives what ends the listening. */
  onInterrupt: (callback: () => void) => Disposable;
  timeoutMs?: number | undefined;
  /** Whether somebody can type an answer. */
  canAsk: boolean;
  /** Called when the server is away for a while: starts it again where that is this machine's business. */
  revive?: (() => Promise<Client | undefined>) | undefined;
  patience?: Partial<typeof PATIENCE>;
}

export interface RunEnd {
  task: TaskView;
  stopped: Stopped | undefined;
  question: QuestionView | undefined;
  /** The task was asked to pause and had not stopped yet when the command left. */
  stillStopping: boolean;
}

export async function followRun(run: FollowRun): Promise<RunEnd> {
  return await new Following(run).toItsEnd();
}

class Following {
  readonly #run: FollowRun;
  readonly #patience: typeof PATIENCE;
  readonly #leaving = new AbortController();
  readonly #asker: Asker;
  readonly #away: Away;
  readonly #timers: NodeJS.Timeout[] = [];
  #client: Client;
  #task: TaskView;
  #seen = 0;
  #stopped: Stopped | undefined;
  #question: QuestionView | undefined;
  #failure: Error | undefined;
  /** Ends following at one address, to go on at another. */
  #elsewhere = new AbortController();

  constructor(run: FollowRun) {
    this.#run = run;
    this.#patience = { ...PATIENCE, ...run.patience };
    this.#client = run.client;
    this.#task = run.task;
    this.#asker = createAsker({
      client: () => this.#client,
      taskId: run.task.id,
      view: run.view,
      canAsk: run.canAsk,
      signal: this.#leaving.signal,
      onUnanswered: (question) => {
        this.#question = question;
        this.#stopped ??= "question";
        this.#leaving.abort();
      },
      onError: (error) => this.#fail(error),
    });
    this.#away = watchAway({
      reviveMs: this.#patience.reviveMs,
      giveUpMs: this.#patience.awayMs,
      revive: () => void this.#revive(),
      giveUp: (reason) => this.#fail(new ServerUnreachable(this.#client.url, reason)),
    });
  }

  async toItsEnd(): Promise<RunEnd> {
    const { onInterrupt, timeoutMs, view } = this.#run;
    const interrupts = onInterrupt(() => this.#pause("interrupt"));
    if (timeoutMs !== undefined) {
      this.#timers.push(setTimeout(() => this.#stopped ?? this.#pause("timeout"), timeoutMs));
    }
    try {
      while ((await this.#follow()) === "moved") view.note("The server answers again, at another address");
    } catch (error) {
      if (!this.#leaving.signal.aborted) throw error;
    } finally {
      interrupts[Symbol.dispose]();
      this.#away[Symbol.dispose]();
      for (const timer of this.#timers) clearTimeout(timer);
      this.#leaving.abort();
    }
    if (this.#failure) throw this.#failure;
    const pausing = this.#stopped === "interrupt" || this.#stopped === "timeout";
    return {
      task: this.#task,
      stopped: this.#stopped,
      question: this.#question,
      stillStopping: pausing && !rests(this.#task),
    };
  }

  /** Until the task rests, or its server is found at another address. */
  async #follow(): Promise<"rests" | "moved"> {
    this.#elsewhere = new AbortController();
    const signal = AbortSignal.any([this.#leaving.signal, this.#elsewhere.signal]);
    const from = { taskId: this.#task.id, after: this.#seen, until: rests, signal };
    try {
      for await (const item of followTask(this.#client, from)) {
        if (item.type === "entries") this.#entries(item.items);
        else if (item.type === "task") this.#changed(item.task);
        else {
          this.#run.view.connection(item.state);
          this.#away.seen(item.state);
        }
      }
      return "rests";
    } catch (error) {
      if (!this.#elsewhere.signal.aborted || this.#leaving.signal.aborted) throw error;
      return "moved";
    }
  }

  #entries(items: readonly HistoryEntry[]): void {
    this.#seen = items.at(-1)?.seq ?? this.#seen;
    this.#run.view.entries(items);
    if (items.some(({ messageType }) => messageType === "answer")) this.#asker.dismiss();
    const last = items.findLast(({ messageType }) => ASKS.has(messageType) || messageType === "answer");
    if (last && last.messageType !== "answer") this.#asker.look(true);
  }

  #changed(task: TaskView): void {
    this.#task = task;
    this.#run.view.task(task);
    if (task.blockedBy === "question") this.#asker.look(false);
  }

  /** The first time asks for a pause; once more leaves. */
  #pause(why: Stopped): void {
    if (this.#stopped !== undefined) return this.#leaving.abort();
    this.#stopped = why;
    this.#asker.dismiss();
    this.#run.view.note(`${PAUSING[why]}: the agent stops gently and its work is kept. ${AGAIN}`, "warn");
    this.#timers.push(setTimeout(() => this.#leaving.abort(), this.#patience.pauseMs));
    const { signal } = this.#leaving;
    this.#client
      .call(routes.pauseTask, { params: { id: this.#task.id } }, { signal })
      .catch((error: unknown) => {
        // Too late to pause: it is over, or somebody paused it.
        const late = error instanceof ProblemError && error.code === "INVALID_TRANSITION";
        if (!late) this.#fail(error);
      });
  }

  #fail(error: unknown): void {
    if (!this.#leaving.signal.aborted) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
    }
    this.#leaving.abort();
  }

  /** A server that is started again may answer at another address: then it is followed there. */
  async #revive(): Promise<void> {
    try {
      const found = await this.#run.revive?.();
      if (!found || (found.url === this.#client.url && found.key === this.#client.key)) return;
      this.#client = found;
      this.#elsewhere.abort();
    } catch (error) {
      this.#fail(error);
    }
  }
}

const PAUSING: Readonly<Record<Stopped, string>> = {
  interrupt: "Pausing the task",
  timeout: "The time is over, pausing the task",
  question: "Pausing the task",
};
const AGAIN = "Ctrl-C again leaves at once";

/** Nothing more happens unless a person acts. A question is acted on here; a time that was set comes by itself. */
function rests(task: TaskView): boolean {
  if (isFinal(task.status) || task.status === "paused") return true;
  return task.status === "blocked" && task.blockedBy !== "question" && task.wakeAt === null;
}
