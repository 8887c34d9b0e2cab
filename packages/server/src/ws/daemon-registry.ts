/** The daemons that are connected to this server, one connection each. */
import type { Query } from "@makima/protocol/daemon-wire";
import { refused, type Outcome } from "../outcome.ts";

/** A connection that has introduced itself. */
export interface DaemonLink {
  readonly daemonId: string;
  readonly ownerId: string;
  readonly journalId: string;
  ask(query: Query, timeoutMs: number): Promise<Outcome<unknown>>;
  /** Looks for commands to send. */
  pump(): void;
  /** Tells the daemon why and closes; resolves when nothing of this connection runs any more. */
  end(reason: "duplicate" | "shuttingDown" | "unauthorized", message: string): Promise<void>;
}

export type Entry = { ok: true } | { ok: false; reason: "duplicate" | "unauthorized"; message: string };

const QUERY_TIMEOUT_MS = 30_000;

export class DaemonRegistry {
  readonly #links = new Map<string, DaemonLink>();
  readonly #entering = new Map<string, Promise<unknown>>();

  /**
   * Lets a connection in under its daemon's id. A connection of the same journal is replaced, once its last
   * transaction has ended; one of another journal stays, since two daemons of one identity would each take
   * the other's commands. `greet` runs while nobody else of that id can enter.
   */
  async enter(link: DaemonLink, greet: () => Promise<boolean>): Promise<Entry> {
    const before = this.#entering.get(link.daemonId);
    const entry = (async (): Promise<Entry> => {
      await before;
      const current = this.#links.get(link.daemonId);
      if (current && current.ownerId !== link.ownerId) return refusedEntry("unauthorized", FOREIGN);
      if (current && current.journalId !== link.journalId) return refusedEntry("duplicate", TWINS);
      if (current) {
        this.#links.delete(link.daemonId);
        await current.end("duplicate", "A newer connection of this daemon took over.");
      }
      this.#links.set(link.daemonId, link);
      if (!(await greet())) this.#forget(link);
      return { ok: true };
    })();
    const settled = entry.catch(() => undefined);
    this.#entering.set(link.daemonId, settled);
    try {
      return await entry;
    } catch (error) {
      this.#forget(link);
      throw error;
    } finally {
      if (this.#entering.get(link.daemonId) === settled) this.#entering.delete(link.daemonId);
    }
  }

  /** True when the link was the daemon's connection, which now has none. */
  leave(link: DaemonLink): boolean {
    return this.#forget(link);
  }

  /**
   * Asks a daemon what only it can look up; any of an owner where it does not matter which. NO_DAEMON when
   * it is not connected or does not answer.
   */
  query(
    whom: string | { ownerId: string },
    query: Query,
    timeoutMs = QUERY_TIMEOUT_MS,
  ): Promise<Outcome<unknown>> {
    const link =
      typeof whom === "string"
        ? this.#links.get(whom)
        : [...this.#links.values()].find(({ ownerId }) => ownerId === whom.ownerId);
    if (link) return link.ask(query, timeoutMs);
    const which =
      typeof whom === "string" ? "The daemon that has this task's worktree is not" : "No daemon is";
    return Promise.resolve(
      refused("NO_DAEMON", `${which} connected. Start it, then ask again.`, {
        details: { daemonId: typeof whom === "string" ? whom : null },
        next: ["makima status"],
      }),
    );
  }

  pump(daemonId: string): void {
    this.#links.get(daemonId)?.pump();
  }

  /** For commands whose signal was lost, as when the database went away just after a commit. */
  pumpAll(): void {
    for (const link of this.#links.values()) link.pump();
  }

  async endAll(reason: "shuttingDown", message: string): Promise<void> {
    await Promise.all([...this.#links.values()].map((link) => link.end(reason, message)));
  }

  #forget(link: DaemonLink): boolean {
    if (this.#links.get(link.daemonId) !== link) return false;
    return this.#links.delete(link.daemonId);
  }
}

const FOREIGN =
  "This daemon id belongs to another owner. Give this daemon a journal of its own (local_db.path).";
const TWINS =
  "Another daemon with this id is connected, with a journal of its own. Stop it, or give one of them another local_db.path.";

function refusedEntry(reason: "duplicate" | "unauthorized", message: string): Entry {
  return { ok: false, reason, message };
}
