/**
 * Reports on their way to the server: stored and numbered before they are sent, kept until the server has
 * stored them. Numbers of one journal have no gaps.
 */
import { EventEmitter } from "node:events";
import type { DatabaseSync } from "node:sqlite";
import type { Report, ReportOf } from "@makima/protocol/daemon-wire";
import { isJournalFull, type JournalRoom } from "./room.ts";
import { metaOf, newJournalId, setMeta, transaction, type Journal } from "./open.ts";

/** Rows that may wait before output is held back in its spool; the spool is a file and can wait. */
export const OUTBOX_HIGH_WATER = 200_000;

export class Outbox extends EventEmitter<{ added: []; acknowledged: []; drained: [] }> {
  readonly #journal: Journal;
  #last: number;
  #acknowledged: number;
  /** Highest number that the journal held when it was opened. */
  readonly #opened: number;

  constructor(journal: Journal) {
    super();
    this.#journal = journal;
    this.#acknowledged = Number(metaOf(journal.state, "reports_acknowledged") ?? 0);
    const row = journal.state.prepare("select max(seq) as last from outbox").get() as { last: number | null };
    this.#last = Math.max(row.last ?? 0, this.#acknowledged);
    this.#opened = this.#last;
  }

  /** Highest number given so far. */
  get last(): number {
    return this.#last;
  }

  /** Highest number that the server has said to have stored. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  get waiting(): number {
    return this.#last - this.#acknowledged;
  }

  get full(): boolean {
    return this.waiting >= OUTBOX_HIGH_WATER;
  }

  /**
   * Stores reports in one transaction, together with `along` (what must be true exactly when they are).
   * `durable`: synced to the disk before it returns.
   */
  add(reports: readonly Report[], along?: (db: DatabaseSync) => void, durable = true): void {
    const db = durable ? this.#journal.state : this.#journal.stream;
    const insert = db.prepare("insert into outbox (seq, report) values (?, ?)");
    let next = this.#last;
    transaction(db, () => {
      for (const report of reports) insert.run(++next, JSON.stringify(report));
      along?.(db);
    });
    this.#last = next;
    if (reports.length > 0) this.emit("added");
  }

  /** Reports after `seq`, oldest first, until `maxBytes` of JSON are together (at least one). */
  after(seq: number, maxBytes: number): { first: number; items: string[] } | undefined {
    const rows = this.#journal.stream.prepare(
      "select seq, report from outbox where seq > ? order by seq limit 5000",
    );
    const items: string[] = [];
    let first = 0;
    let bytes = 0;
    for (const row of rows.iterate(seq) as Iterable<{ seq: number; report: string }>) {
      if (items.length > 0 && bytes + row.report.length > maxBytes) break;
      if (items.length === 0) first = row.seq;
      items.push(row.report);
      bytes += row.report.length;
    }
    return items.length === 0 ? undefined : { first, items };
  }

  /** The server has stored everything up to `seq`. */
  acknowledge(seq: number): void {
    if (seq <= this.#acknowledged) return;
    const wasFull = this.full;
    this.#acknowledged = Math.min(seq, this.#last);
    const db = this.#journal.stream;
    try {
      transaction(db, () => {
        db.prepare("delete from outbox where seq <= ?").run(seq);
        setMeta(db, "reports_acknowledged", String(this.#acknowledged));
      });
    } catch (error) {
      // The next acknowledgement takes these along; a daemon that starts anew hears of them in the welcome.
      if (!isJournalFull(error)) throw error;
    }
    this.emit("acknowledged");
    if (wasFull && !this.full) this.emit("drained");
  }

  /**
   * Begins another journal, with numbers from 1, because the server's count and ours cannot both be true: after a
   * power failure it has more than the journal, after it was restored from a back-up it has less. What it may not
   * have goes over; of a journal that lost its end that is what was added since the start.
   */
  renew(serverHas: number): void {
    const from = serverHas > this.#last ? this.#opened : this.#acknowledged;
    const db = this.#journal.state;
    transaction(db, () => {
      newJournalId(db);
      db.prepare("delete from outbox where seq <= ?").run(from);
      db.prepare("update outbox set seq = seq - ?").run(from);
      setMeta(db, "reports_acknowledged", "0");
    });
    this.#last = Math.max(0, this.#last - from);
    this.#acknowledged = 0;
  }

  /** Runs whose end is reported here and not acknowledged: the server may believe that they go on. */
  endedRuns(): ReportOf<"runEnded">[] {
    const rows = this.#journal.state
      .prepare(`select report from outbox where report glob '{"type":"runEnded"*' order by seq`)
      .all() as { report: string }[];
    return rows.map(({ report }) => JSON.parse(report) as ReportOf<"runEnded">);
  }
}

/** Stores a report that nobody else would make again, if need be later. */
export function addWhenRoom(outbox: Outbox, room: JournalRoom, report: Report): void {
  try {
    outbox.add([report]);
  } catch (error) {
    if (!isJournalFull(error)) throw error;
    if (!room.closed) void room.wait().then(() => addWhenRoom(outbox, room, report));
  }
}
