/** Commands from the server: stored before they are acknowledged, carried out once each, in order. */
import { commandSchema, type Command } from "@makima/protocol/daemon-wire";
import { metaOf, setMeta, transaction, type Journal } from "./open.ts";

export interface StoredCommand {
  seq: number;
  /** undefined: this version of the daemon does not understand it. */
  command: Command | undefined;
}

/** Highest command number in this journal. */
export function commandsReceived(journal: Journal): number {
  return Number(metaOf(journal.state, "commands_received") ?? 0);
}

/**
 * Stores what is new of a batch that begins at number `first`, and answers the highest number now stored.
 * What was there before is left alone; a batch that would leave a gap is refused by throwing.
 */
export function storeCommands(journal: Journal, first: number, commands: readonly unknown[]): number {
  const received = commandsReceived(journal);
  if (first > received + 1) {
    throw new Error(`Commands ${received + 1} to ${first - 1} are missing; the server must send them again.`);
  }
  const last = first + commands.length - 1;
  if (last <= received) return received;
  const insert = journal.state.prepare("insert into command (seq, payload) values (?, ?)");
  transaction(journal.state, () => {
    commands.forEach((command, index) => {
      if (first + index > received) insert.run(first + index, JSON.stringify(command));
    });
    setMeta(journal.state, "commands_received", String(last));
  });
  return last;
}

/** Stored commands that were not carried out yet, oldest first. */
export function unhandledCommands(journal: Journal): StoredCommand[] {
  const rows = journal.state
    .prepare("select seq, payload from command where handled = 0 order by seq")
    .all() as {
    seq: number;
    payload: string;
  }[];
  return rows.map((row) => ({
    seq: row.seq,
    command: commandSchema.safeParse(JSON.parse(row.payload)).data,
  }));
}

/** Marks a command as carried out, in one transaction with `along`; handled ones need not be kept. */
export function markHandled(journal: Journal, seq: number, along?: () => void): void {
  transaction(journal.state, () => {
    along?.();
    forgetCommand(journal, seq);
  });
}

/** For a transaction that stores what came of the command. */
export function forgetCommand(journal: Journal, seq: number): void {
  journal.state.prepare("delete from command where seq = ?").run(seq);
}
