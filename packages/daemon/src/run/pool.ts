/**
 * The runs of this daemon, and the commands that concern them.
 *
 * A command is marked as handled in the same transaction that takes its effect into the journal; what is then
 * done about it can be done again.
 */
import type { CommandOf, Report } from "@makima/protocol/daemon-wire";
import { forgetCommand, markHandled, unhandledCommands, type StoredCommand } from "../journal/commands.ts";
import { isJournalFull } from "../journal/room.ts";
import { keepMessage } from "../journal/messages.ts";
import { heldRuns, insertRun, saveStopManner } from "../journal/runs.ts";
import { answerAgent } from "./answer-agent.ts";
import { carryOut } from "./carry-out.ts";
import { retryCompletion } from "./complete.ts";
import type { RunContext } from "./context.ts";
import { RunHandle } from "./handle.ts";
import { removeTaskWorktree } from "./remove-worktree.ts";

export class RunPool {
  readonly #context: RunContext;
  readonly #runs = new Map<string, { handle: RunHandle; over: Promise<void> }>();
  /** Work beside the runs: clean-up, retried completions. Awaited when the daemon stops. */
  readonly #errands = new Set<Promise<void>>();
  /** Numbers of the commands that errands carry out. */
  readonly #carriedOut = new Set<number>();
  /** The server has said which of our runs are still ours; before that, nothing is begun. */
  #confirmed = false;
  #closing = false;

  constructor(context: RunContext) {
    this.#context = context;
  }

  /** Takes up the runs that the journal holds from before. */
  resume(): void {
    for (const run of heldRuns(this.#context.journal)) this.#begin(new RunHandle(run));
  }

  get size(): number {
    return this.#runs.size;
  }

  /** What the server may not know to have ended: the runs that we have, and those whose end it was not told. */
  known(): { runId: string; taskId: string; epoch: number; phase: string }[] {
    const ended = this.#context.outbox
      .endedRuns()
      .map(({ runId, taskId, epoch }) => ({ runId, taskId, epoch, phase: "ended" }));
    return [...this.live(), ...ended];
  }

  live(): { runId: string; taskId: string; epoch: number; phase: string }[] {
    return [...this.#runs.values()].map(({ handle }) => ({ ...handle.name, phase: handle.run.phase }));
  }

  /** Carries out the commands that are in the journal and were not handled. */
  handleCommands(): void {
    if (this.#closing) return;
    for (const stored of unhandledCommands(this.#context.journal)) {
      if (this.#carriedOut.has(stored.seq)) continue;
      try {
        this.#handle(stored);
      } catch (error) {
        if (isJournalFull(error)) return this.#later();
        // A command that cannot be taken must not stop those behind it.
        this.#context.log.error({ err: error, seq: stored.seq }, "a command could not be carried out");
        this.#failed(stored.seq, error);
      }
    }
  }

  /** Commands wait in the journal until what comes of them can be stored. */
  #later(): void {
    void this.#context.room.wait().then(() => this.handleCommands());
  }

  /** The server has taken the daemon in: its verdicts on the runs that the daemon said it has. */
  welcome(verdicts: readonly { runId: string; verdict: "keep" | "stop" }[]): void {
    this.#confirmed = true;
    for (const { runId, verdict } of verdicts) this.#settle(runId, verdict);
    this.handleCommands();
  }

  /** After a fence, without a new connection: these runs may go on. */
  renew(runIds: readonly string[]): void {
    for (const runId of runIds) this.#settle(runId, "keep");
  }

  #settle(runId: string, verdict: "keep" | "stop"): void {
    const handle = this.#runs.get(runId)?.handle;
    if (!handle) return;
    if (verdict === "keep") handle.keep();
    else this.#stop(handle, "lost");
  }

  lose(runIds: readonly string[]): void {
    for (const runId of runIds) {
      const handle = this.#runs.get(runId)?.handle;
      if (handle) this.#stop(handle, "lost");
    }
  }

  fence(): void {
    for (const { handle } of this.#runs.values()) handle.stop("fence");
  }

  /** Stops every agent gently, keeps its work and its place in the journal, and waits until that is done. */
  async close(): Promise<void> {
    this.#closing = true;
    for (const { handle } of this.#runs.values()) handle.stop("shutdown");
    await Promise.all([...this.#runs.values()].map(({ over }) => over));
    await Promise.all(this.#errands);
  }

  #handle({ seq, command }: StoredCommand): void {
    const { journal } = this.#context;
    if (!command) throw new Error("This version of the daemon does not know the command. Update the daemon.");
    switch (command.type) {
      case "spawnTask":
        markHandled(journal, seq, () => insertRun(journal, command.spec));
        return this.#spawn(command);
      case "stopRun":
        return this.#stopCommand(seq, command);
      case "sendMessage": {
        const handle = this.#runs.get(command.runId)?.handle;
        markHandled(journal, seq, () => {
          if (handle) keepMessage(journal, command, { id: command.messageId, text: command.text });
        });
        handle?.emit("message");
        return;
      }
      case "answerQuestion": {
        const handle = this.#runs.get(command.runId)?.handle;
        if (handle) answerAgent(this.#context, handle, command);
        return markHandled(journal, seq);
      }
      case "retryCompletionAction":
        return this.#errand(seq, () => retryCompletion(this.#context, command.spec));
      case "removeWorktree":
        return this.#errand(seq, async () => {
          await this.#stopped(command.taskId);
          return await removeTaskWorktree(this.#context, command, (taskId) => this.#holds(taskId));
        });
      case "startLogin":
        this.#context.logins.start(command.agent);
        return markHandled(journal, seq);
      case "submitAuthCode":
        this.#context.logins.submit(command.agent, command.code);
        return markHandled(journal, seq);
    }
  }

  #spawn({ spec }: CommandOf<"spawnTask">): void {
    const run = heldRuns(this.#context.journal).find((held) => held.spec.runId === spec.runId);
    if (run && !this.#runs.has(spec.runId)) this.#begin(new RunHandle(run));
  }

  #stopCommand(seq: number, command: CommandOf<"stopRun">): void {
    const { journal } = this.#context;
    markHandled(journal, seq, () => saveStopManner(journal, command.runId, command.manner));
    const handle = this.#runs.get(command.runId)?.handle;
    if (handle) handle.stop(command.manner);
  }

  #stop(handle: RunHandle, manner: "lost"): void {
    // Stopped it is in any case; a daemon that starts anew hears it again.
    handle.stop(manner);
    try {
      saveStopManner(this.#context.journal, handle.run.spec.runId, manner);
    } catch (error) {
      if (!isJournalFull(error)) throw error;
    }
  }

  /** Runs of one task follow each other: the worktree is one. */
  #begin(handle: RunHandle): void {
    const { runId, taskId } = handle.run.spec;
    if (!this.#confirmed) handle.hold();
    const before = [...this.#runs.values()].filter((one) => one.handle.run.spec.taskId === taskId);
    const over = Promise.all(before.map((one) => one.over))
      .then(() => carryOut(this.#context, handle))
      .catch((error: unknown) => this.#context.log.fatal({ err: error, runId }, "a run broke off"))
      .finally(() => this.#runs.delete(runId));
    this.#runs.set(runId, { handle, over });
  }

  #holds(taskId: string): boolean {
    return [...this.#runs.values()].some(({ handle }) => handle.run.spec.taskId === taskId);
  }

  /** Waits for runs of the task that were told to stop. */
  async #stopped(taskId: string): Promise<void> {
    const stopping = [...this.#runs.values()].filter(
      ({ handle }) => handle.run.spec.taskId === taskId && handle.stopReason !== undefined,
    );
    await Promise.all(stopping.map(({ over }) => over));
  }

  /**
   * Work that takes its time and may be done twice: its command stays in the journal until what it came to is
   * stored, so that a daemon that dies meanwhile does it again.
   */
  #errand(seq: number, work: () => Promise<Report>): void {
    const { journal, outbox } = this.#context;
    this.#carriedOut.add(seq);
    const run = async (): Promise<void> => {
      try {
        const said = await work();
        outbox.add([said], () => forgetCommand(journal, seq));
      } catch (error) {
        // Its command stays, and the work may be done twice.
        if (isJournalFull(error)) return this.#later();
        this.#context.log.error({ err: error, seq }, "an errand failed");
        this.#failed(seq, error);
      }
    };
    const errand = run().finally(() => {
      this.#errands.delete(errand);
      this.#carriedOut.delete(seq);
    });
    this.#errands.add(errand);
  }

  #failed(seq: number, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    const { journal, outbox } = this.#context;
    try {
      outbox.add([{ type: "commandFailed", commandSeq: seq, message }], () => forgetCommand(journal, seq));
    } catch (full) {
      if (!isJournalFull(full)) throw full;
      this.#later();
    }
  }
}
