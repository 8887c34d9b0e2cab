/** Logins of agents on daemons: one that ran out blocks its tasks, one that is restored wakes them. */
import { sql } from "kysely";
import { changeTask, holdTasks } from "./change-task.ts";
import { addEvent, type Work } from "./work.ts";

export interface LoginNeeded {
  daemonId: string;
  ownerId: string;
  agent: string;
  hostname: string;
  taskId?: string | undefined;
  loginUrl?: string | undefined;
  message: string;
}

/** No task for this agent is placed on the daemon until its login is restored. */
export async function requireLogin(work: Work, needed: LoginNeeded): Promise<void> {
  const { daemonId, agent, message, loginUrl, hostname, taskId } = needed;
  await sql`
    insert into makima.daemon_auth (daemon_id, agent, required, message, login_url, changed_at)
    values (${daemonId}, ${agent}, true, ${message}, ${loginUrl ?? null}, clock_timestamp())
    on conflict (daemon_id, agent) do update set required = true, message = excluded.message,
      login_url = excluded.login_url, changed_at = excluded.changed_at`.execute(work.db);
  addEvent(work, needed.ownerId, {
    type: "AuthenticationRequired",
    taskId: taskId ?? null,
    data: { daemonId, agent, hostname, message, loginUrl: loginUrl ?? null },
  });
}

/** Wakes every task of the daemon that waits for this login. Nothing happens when it was not needed. */
export async function restoreLogin(work: Work, daemonId: string, agent: string): Promise<void> {
  const restored = await sql`
    update makima.daemon_auth set required = false, changed_at = clock_timestamp()
    where daemon_id = ${daemonId} and agent = ${agent} and required returning 1`.execute(work.db);
  if (restored.rows.length === 0) return;
  work.workChanged = true;
  const { rows } = await sql<{ id: string }>`
    select id from makima.task where daemon_id = ${daemonId} and blocked_by = 'auth' and agent = ${agent}`.execute(
    work.db,
  );
  const held = await holdTasks(
    work,
    rows.map((row) => row.id),
  );
  for (const task of held) {
    if (task.row.blocked_by === "auth")
      changeTask(work, task, { type: "woken" }, { detail: `${agent} is signed in again` });
  }
}

/** Whether the login was restored after `since`: then a run that began before need not wait for it. */
export async function wasRestored(
  work: Work,
  daemonId: string,
  agent: string,
  since: Date,
): Promise<boolean> {
  const { rows } = await sql`
    select from makima.daemon_auth where daemon_id = ${daemonId} and agent = ${agent} and not required
      and changed_at > ${since}`.execute(work.db);
  return rows.length > 0;
}
