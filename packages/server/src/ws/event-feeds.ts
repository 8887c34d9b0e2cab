/** Events of owners as they are committed, one feed for each owner that somebody listens to. */
import type { ContractStatus } from "@makima/core/contract";
import type { EventView } from "@makima/protocol/api/contracts";
import type { MonitorFilter } from "@makima/protocol/watch-wire";
import type { Caller, Deps } from "../deps.ts";
import { contractStatuses, lastEventSeq, listOwnerEvents } from "../jobs/events.ts";
import { Feed, type Batch, type FeedSettings, type Follower } from "./feed.ts";
import { encodeFrame } from "./frames.ts";

/** Where events of one listener go: a socket or a server-sent stream. */
export interface EventSink {
  readonly closed: boolean;
  buffered(): number;
  drained(): Promise<void>;
  /** `encoded` is the monitor's frame, shared by all who hear of the event. */
  event(event: EventView, encoded: Buffer): void;
  gap(from: number, to: number): void;
  ready(seq: number): void;
}

class Listener implements Follower<EventView> {
  readonly filter: MonitorFilter;
  readonly #sink: EventSink;
  readonly #encode: (event: EventView) => Buffer;
  readonly #statusOf: (contractId: string) => ContractStatus | undefined;
  #wasReady = false;

  constructor(
    sink: EventSink,
    filter: MonitorFilter,
    encode: (event: EventView) => Buffer,
    statusOf: (contractId: string) => ContractStatus | undefined,
  ) {
    this.#sink = sink;
    this.filter = filter;
    this.#encode = encode;
    this.#statusOf = statusOf;
  }

  get closed(): boolean {
    return this.#sink.closed;
  }

  buffered(): number {
    return this.#sink.buffered();
  }

  drained(): Promise<void> {
    return this.#sink.drained();
  }

  deliver({ items }: Batch<EventView>): void {
    for (const event of items) if (this.#wants(event)) this.#sink.event(event, this.#encode(event));
  }

  gap(from: number, to: number): void {
    this.#sink.gap(from, to);
  }

  live(seq: number): void {
    if (this.#wasReady) return;
    this.#wasReady = true;
    this.#sink.ready(seq);
  }

  #wants({ type, contractId, data }: EventView): boolean {
    const { contractIds, statuses, includeHeartbeats, includeStale } = this.filter;
    if (type === "Heartbeat" && !includeHeartbeats) return false;
    if (type === "StaleDetected" && !includeStale) return false;
    if (contractIds && (contractId === null || !contractIds.includes(contractId))) return false;
    if (!statuses) return true;
    if (contractId === null) return false;
    const now = this.#statusOf(contractId);
    const ofEvent = type === "StatusChanged" ? [data["oldStatus"], data["newStatus"]] : [now];
    return statuses.some((status) => ofEvent.includes(status));
  }
}

interface Heard {
  feed: Feed<EventView>;
  listeners: Set<Listener>;
  /** Statuses of contracts that were looked up for listeners who filter by them. */
  statuses: Map<string, ContractStatus>;
  line: Promise<void>;
}

export class EventFeeds {
  readonly #deps: Deps;
  readonly #settings: FeedSettings | undefined;
  readonly #heard = new Map<string, Heard>();
  readonly #encoded = new WeakMap<EventView, Buffer>();

  constructor(deps: Deps, settings?: FeedSettings) {
    this.#deps = deps;
    this.#settings = settings;
    deps.signals.on("eventsAdded", (ownerId, events) => {
      const heard = this.#heard.get(ownerId);
      if (heard) this.#add(heard, ownerId, events);
    });
  }

  /** Events that fit the filter: those above `since`, then new ones. The function that comes back ends it. */
  async listen(caller: Caller, filter: MonitorFilter, sink: EventSink): Promise<() => void> {
    const { ownerId } = caller;
    const heard = this.#heard.get(ownerId) ?? this.#begin(ownerId);
    const listener = new Listener(
      sink,
      filter,
      (event) => this.#encode(event),
      (contractId) => heard.statuses.get(contractId),
    );
    heard.listeners.add(listener);
    const stop = () => {
      heard.listeners.delete(listener);
      heard.feed.leave(listener);
      if (heard.listeners.size === 0 && this.#heard.get(ownerId) === heard) this.#heard.delete(ownerId);
    };
    try {
      const head = await lastEventSeq(this.#deps, ownerId);
      heard.feed.reached(head);
      heard.feed.join(listener, Math.min(filter.since ?? head, head));
    } catch (error) {
      stop();
      throw error;
    }
    return stop;
  }

  #begin(ownerId: string): Heard {
    const read = async (after: number, limit: number) => {
      const events = await listOwnerEvents(this.#deps, ownerId, after, limit);
      await this.#learnStatuses(heard, ownerId, events);
      return events;
    };
    const heard: Heard = {
      feed: new Feed(read, 0, this.#settings),
      listeners: new Set(),
      statuses: new Map(),
      line: Promise.resolve(),
    };
    this.#heard.set(ownerId, heard);
    return heard;
  }

  /** In order; only listeners who filter by status cost a look into the database. */
  #add(heard: Heard, ownerId: string, events: EventView[]): void {
    if (![...heard.listeners].some(({ filter }) => filter.statuses)) return heard.feed.push(events);
    heard.line = this.#addAfter(heard.line, heard, ownerId, events);
  }

  async #addAfter(before: Promise<void>, heard: Heard, ownerId: string, events: EventView[]): Promise<void> {
    await before;
    await this.#learnStatuses(heard, ownerId, events);
    heard.feed.push(events);
  }

  async #learnStatuses(heard: Heard, ownerId: string, events: readonly EventView[]): Promise<void> {
    for (const { type, contractId, data } of events) {
      if (type === "StatusChanged" && contractId)
        heard.statuses.set(contractId, data["newStatus"] as ContractStatus);
    }
    if (![...heard.listeners].some(({ filter }) => filter.statuses)) return;
    const unknown = new Set(events.flatMap(({ contractId }) => contractId ?? []));
    for (const id of heard.statuses.keys()) unknown.delete(id);
    if (unknown.size === 0) return;
    try {
      const found = await contractStatuses(this.#deps, ownerId, [...unknown]);
      for (const { id, status } of found) heard.statuses.set(id, status);
    } catch (error) {
      this.#deps.log.debug({ err: error }, "statuses of contracts could not be looked up for a filter");
    }
  }

  #encode(event: EventView): Buffer {
    const known = this.#encoded.get(event);
    if (known) return known;
    const made = encodeFrame({ type: "event", event });
    this.#encoded.set(event, made);
    return made;
  }
}
