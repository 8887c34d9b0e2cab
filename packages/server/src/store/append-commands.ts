/** Puts commands into the outboxes of daemons, numbered from 1 without gaps within each daemon's journal. */
import { sql, type Kysely } from "kysely";
import type { Command } from "@makima/protocol/daemon-wire";
import { toJson } from "./json.ts";
import type { Database } from "./schema.ts";

export interface NewCommand {
  daemonId: string;
  taskId?: string | undefined;
  command: Command;
}

/** One statement; the daemons' outbox rows are locked in the order of their ids until the transaction ends. */
export async function appendCommands(db: Kysely<Database>, commands: readonly NewCommand[]): Promise<void> {
  const total = new Map<string, number>();
  for (const { daemonId } of commands) total.set(daemonId, (total.get(daemonId) ?? 0) + 1);
  const counts = [...total].map(([id, n]) => ({ id, n }));
  const left = new Map(total);
  const items = commands.map(({ daemonId, taskId, command }) => {
    const n = left.get(daemonId) ?? 1;
    left.set(daemonId, n - 1);
    return { id: daemonId, n, task: taskId, payload: command };
  });
  await sql`
    with counted as (
      select c.id, c.n from jsonb_to_recordset(${JSON.stringify(counts)}::jsonb) as c (id uuid, n int)
    ), locked as (
      select o.daemon_id from makima.daemon_outbox o join counted c on c.id = o.daemon_id
      order by o.daemon_id for update of o
    ), numbered as (
      update makima.daemon_outbox o set command_seq = o.command_seq + c.n from counted c, locked l
      where o.daemon_id = c.id and l.daemon_id = c.id returning o.daemon_id, o.command_seq
    )
    insert into makima.command (daemon_id, seq, task_id, payload)
    select i.id, numbered.command_seq - i.n + 1, i.task, i.payload
    from jsonb_to_recordset(${toJson(items)}::jsonb) as i (id uuid, n int, task uuid, payload jsonb)
    join numbered on numbered.daemon_id = i.id`.execute(db);
}
