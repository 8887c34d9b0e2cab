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
import type { SocketState } from "@makima/client/socket";
import { isFinal } from "@makima/core/task";
import type { QuestionView } from "@makima/protocol/api/mesh";
import { routes } from "@makima/protocol/api/routes";
import type { TaskView } from "@makima/protocol/api/task-schema";
import type { HistoryEntry } from "@makima/protocol/history";
import { askOnTerminal, openQuestion, sendAnswer } from "./questions.ts";
import type { Stopped } from "./result.ts";
import { ASKS, type RunView } from "./view.ts";

/** How long stopping an agent gently may take before the command leaves it to the server. */
const PAUSE_WAIT_MS = 45_000;
/** How long a server may be away before the command gives up following. */
const AWAY_MS = 60_000;
/** A question's entry may be seen a moment before the question itself. */
const QUESTION_TRIES = 20;
const QUESTION_WAIT_MS = 250;

export interface FollowRun {
  client: Client;
  task: TaskView;
  view: RunView;
  /** Calls back at each Ctrl-C; gives what ends the listening. */
  onInterrupt: (callback: () => void) => Disposable;
  timeoutMs?: number | undefined;
  /** Whether somebody can type an answer. */
  canAsk: boolean;
  pauseWaitMs?: number;
}

export interface RunEnd {
  task: TaskView;
  stopped?: Stopped;
  question?: QuestionView;
  /** The task was asked to pause and had not stopped yet when the command left. */
  stillStopping: boolean;
}

export async function followRun(run: FollowRun): Promise<RunEnd> {
  const { client, view } = run;
  const params = { id: run.task.id };
  const leaving = new AbortController();
  let task = run.task;
  let stopped: Stopped | undefined;
  let asked: QuestionView | undefined;
  let failure: Error | undefined;
  let prompt: AbortController | undefined;
  let looking = false;
  const timers = new Set<NodeJS.Timeout>();
  const after = (ms: number, act: () => void) => {
    const timer = setTimeout(act, ms);
    timers.add(timer);
    return timer;
  };

  function pause(why: Stopped): void {
    if (stopped !== undefined) return leaving.abort();
    stopped = why;
    prompt?.abort();
    view.note(
      why === "timeout"
        ? "The time is over: pausing the task. The agent stops gently and its work is kept"
        : "Pausing the task: the agent stops gently and its work is kept. Ctrl-C again leaves at once",
      "warn",
    );
    after(run.pauseWaitMs ?? PAUSE_WAIT_MS, () => leaving.abort());
    client.call(routes.pauseTask, { params }, { signal: leaving.signal }).catch((error: unknown) => {
      // Too late to pause: it is over, or somebody paused it.
      if (error instanceof ProblemError && error.code === "INVALID_TRANSITION") return;
      fail(error);
    });
  }

  function fail(error: unknown): void {
    if (!leaving.signal.aborted) failure = error instanceof Error ? error : new Error(String(error));
    leaving.abort();
  }

  /** Looks for an open question; the answer to it is typed here, or the command ends with it. */
  async function lookForQuestion(tries: number): Promise<void> {
    if (looking || stopped !== undefined) return;
    looking = true;
    try {
      for (let n = 0; n < tries && !leaving.signal.aborted; n += 1) {
        const question = await openQuestion(client, task.id, leaving.signal);
        if (question) return await handle(question);
        await new Promise<void>((resolve) => void after(QUESTION_WAIT_MS, resolve));
      }
    } finally {
      looking = false;
    }
  }

  async function handle(question: QuestionView): Promise<void> {
    view.question(question);
    if (run.canAsk) {
      view.hush();
      prompt = new AbortController();
      const answer = await askOnTerminal(question, AbortSignal.any([prompt.signal, leaving.signal]));
      if (answer !== undefined) {
        const lost = await sendAnswer(client, question, answer);
        if (lost !== undefined) view.note(lost, "warn");
        return;
      }
      if (prompt.signal.aborted || leaving.signal.aborted) return;
    }
    stopped = "question";
    asked = question;
    leaving.abort();
  }

  function entries(items: readonly HistoryEntry[]): void {
    view.entries(items);
    for (const { messageType } of items) {
      if (messageType === "answer") prompt?.abort();
    }
    const last = items.findLast(({ messageType }) => ASKS.has(messageType) || messageType === "answer");
    if (last && last.messageType !== "answer") lookForQuestion(QUESTION_TRIES).catch(fail);
  }

  let away: NodeJS.Timeout | undefined;
  function connection(state: SocketState): void {
    view.connection(state);
    if (state.type === "open") {
      clearTimeout(away);
      away = undefined;
    } else if (state.type === "waiting") {
      away ??= after(AWAY_MS, () => fail(new ServerUnreachable(client.url, state.reason)));
    }
  }

  const interrupts = run.onInterrupt(() => pause("interrupt"));
  if (run.timeoutMs !== undefined) after(run.timeoutMs, () => stopped === undefined && pause("timeout"));
  try {
    const followed = followTask(client, { taskId: task.id, until: rests, signal: leaving.signal });
    for await (const item of followed) {
      if (item.type === "entries") entries(item.items);
      else if (item.type === "connection") connection(item.state);
      else {
        task = item.task;
        view.task(task);
        if (task.blockedBy === "question") lookForQuestion(1).catch(fail);
      }
    }
  } catch (error) {
    if (!leaving.signal.aborted) throw error;
  } finally {
    interrupts[Symbol.dispose]();
    for (const timer of timers) clearTimeout(timer);
    prompt?.abort();
    leaving.abort();
  }
  if (failure) throw failure;
  const stillStopping = stopped !== undefined && stopped !== "question" && !rests(task);
  return { task, stillStopping, ...(stopped ? { stopped } : {}), ...(asked ? { question: asked } : {}) };
}

/** Nothing more happens unless a person acts. A question is acted on here; a time that was set comes by itself. */
function rests(task: TaskView): boolean {
  if (isFinal(task.status) || task.status === "paused") return true;
  return task.status === "blocked" && task.blockedBy !== "question" && task.wakeAt === null;
}
