/** Histories of tasks as they grow, one feed for each task that somebody watches. */
import type { HistoryEntry } from "@makima/protocol/history";
import type { Caller, Deps } from "../deps.ts";
import { listTaskOutput } from "../jobs/history.ts";
import { showTask } from "../jobs/show-task.ts";
import { done, type Outcome } from "../outcome.ts";
import { Feed, type Batch, type FeedSettings, type Follower } from "./feed.ts";
import { encodeFrame } from "./frames.ts";
import type { Outlet } from "./outlet.ts";

/** One task on one socket. */
class Watcher implements Follower<HistoryEntry> {
  readonly caller: Caller;
  readonly outlet: Outlet;
  readonly #taskId: string;

  constructor(caller: Caller, outlet: Outlet, taskId: string) {
    this.caller = caller;
    this.outlet = outlet;
    this.#taskId = taskId;
  }

  get closed(): boolean {
    return this.outlet.closed;
  }

  buffered(): number {
    return this.outlet.buffered();
  }

  drained(): Promise<void> {
    return this.outlet.drained();
  }

  deliver(batch: Batch<HistoryEntry>): void {
    batch.encoded ??= encodeFrame({ type: "entries", taskId: this.#taskId, items: batch.items });
    this.outlet.send(batch.encoded);
  }

  gap(from: number, to: number): void {
    this.outlet.send(encodeFrame({ type: "gap", taskId: this.#taskId, from, to }));
  }
}

interface Watched {
  feed: Feed<HistoryEntry>;
  watchers: Set<Watcher>;
  /** The task's record is to be told; `again` when it changed while it was read. */
  telling: "no" | "yes" | "again";
}

/** Milliseconds in which changes of a task's record are gathered. */
const GATHER_MS = 10;

export class TaskFeeds {
  readonly #deps: Deps;
  readonly #settings: FeedSettings | undefined;
  readonly #watched = new Map<string, Watched>();

  constructor(deps: Deps, settings?: FeedSettings) {
    this.#deps = deps;
    this.#settings = settings;
    deps.signals.on("historyAdded", (taskId, entries) => this.#watched.get(taskId)?.feed.push(entries));
    deps.signals.on("taskChanged", (taskId) => {
      const watched = this.#watched.get(taskId);
      if (watched) this.#tellSoon(taskId, watched);
    });
  }

  /**
   * Sends the task and then its history above `after`, for as long as the outlet is open or until the
   * function that comes back is called. `id` may be short.
   */
  async watch(
    caller: Caller,
    id: string,
    after: number,
    outlet: Outlet,
  ): Promise<Outcome<{ taskId: string; stop: () => void }>> {
    const shown = await showTask(this.#deps, caller, { id });
    if (!shown.ok) return shown;
    const task = shown.value;
    const watched = this.#watched.get(task.id) ?? this.#begin(task.id, caller, task.lastSeq);
    const watcher = new Watcher(caller, outlet, task.id);
    watched.watchers.add(watcher);
    outlet.send(encodeFrame({ type: "task", task }));
    watched.feed.join(watcher, Math.min(after, task.lastSeq));
    // What changed between the reading of the record and now was told to nobody.
    this.#tellSoon(task.id, watched);
    const stop = () => {
      watched.watchers.delete(watcher);
      watched.feed.leave(watcher);
      if (watched.watchers.size === 0) this.#watched.delete(task.id);
    };
    return done({ taskId: task.id, stop });
  }

  #begin(taskId: string, caller: Caller, head: number): Watched {
    const read = async (after: number, limit: number) => {
      // Whoever watches may read it; all watchers of a task have the same owner.
      const [first] = watched.watchers;
      const page = await listTaskOutput(this.#deps, first?.caller ?? caller, { id: taskId, after, limit });
      if (!page.ok) throw new Error(page.refusal.detail);
      // A page may be cut short by its size.
      watched.feed.reached(page.value.lastSeq);
      return page.value.items;
    };
    const watched: Watched = {
      feed: new Feed(read, head, this.#settings),
      watchers: new Set(),
      telling: "no",
    };
    this.#watched.set(taskId, watched);
    return watched;
  }

  #tellSoon(taskId: string, watched: Watched): void {
    if (watched.telling !== "no") {
      watched.telling = "again";
      return;
    }
    watched.telling = "yes";
    setTimeout(() => void this.#tell(taskId, watched), GATHER_MS);
  }

  async #tell(taskId: string, watched: Watched): Promise<void> {
    watched.telling = "yes";
    const [first] = watched.watchers;
    try {
      const shown = first && (await showTask(this.#deps, first.caller, { id: taskId }));
      if (shown?.ok) {
        const frame = encodeFrame({ type: "task", task: shown.value });
        for (const { outlet } of watched.watchers) outlet.send(frame);
      }
    } catch (error) {
      this.#deps.log.debug({ err: error, taskId }, "a changed task could not be read for its watchers");
    }
    const again = (watched.telling as Watched["telling"]) === "again";
    watched.telling = "no";
    if (again) this.#tellSoon(taskId, watched);
  }
}
