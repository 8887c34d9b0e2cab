/** Daemons: listed, shown, drained, signed in. */
import { sql } from "kysely";
import type { DaemonView } from "@makima/protocol/api/mesh";
import type { AgentInfo } from "@makima/protocol/daemon-wire";
import type { Caller, Deps } from "../deps.ts";
import { done, refused, type Outcome } from "../outcome.ts";
import { toJson } from "../store/json.ts";
import { isUuid } from "../store/resolve.ts";
import { restoreLogin } from "./daemon-logins.ts";
import { cursorId, pageOfRows } from "./find.ts";
import type { Page } from "./list-tasks.ts";
import { transact } from "./transact.ts";
import { addCommand } from "./work.ts";

interface Row {
  id: string;
  name: string;
  host_id: string;
  hostname: string;
  version: string;
  labels: string[];
  slots: number;
  agents: AgentInfo[];
  draining: boolean;
  connected: boolean;
  last_seen_at: Date;
  running: number;
  auth_required: { agent: string; message: string; loginUrl: string | null }[];
}

export async function listDaemons(
  deps: Deps,
  caller: Caller,
  { limit, after }: { limit: number; after?: string | undefined },
): Promise<Outcome<Page<DaemonView>>> {
  const cursor = cursorId(after);
  if (!cursor.ok) return cursor;
  const rows = await read(deps, caller, sql`d.id > ${cursor.value ?? LEAST}`, limit + 1);
  return done(pageOfRows(rows, limit, (row) => row.id, view));
}

const LEAST = "00000000-0000-0000-0000-000000000000";

/** By id or, if only one has it, by name. */
export async function showDaemon(
  deps: Deps,
  caller: Caller,
  { id }: { id: string },
): Promise<Outcome<DaemonView>> {
  const rows = await read(deps, caller, isUuid(id) ? sql`d.id = ${id}` : sql`d.name = ${id}`, 2);
  const [row] = rows;
  if (row && rows.length === 1) return done(view(row));
  const detail = row ? `More than one daemon is called "${id}". Use its id.` : `There is no daemon "${id}".`;
  return refused("DAEMON_NOT_FOUND", detail, { details: { id }, next: ["makima status"] });
}

/** A draining daemon keeps what it runs and gets nothing new. */
export async function drainDaemon(
  deps: Deps,
  caller: Caller,
  { id, draining }: { id: string; draining: boolean },
): Promise<Outcome<DaemonView>> {
  const found = await showDaemon(deps, caller, { id });
  if (!found.ok) return found;
  await transact(deps, async (work) => {
    await sql`update makima.daemon set draining = ${draining} where id = ${found.value.id}`.execute(work.db);
    work.workChanged = true;
    return done({ id: found.value.id });
  });
  return showDaemon(deps, caller, { id: found.value.id });
}

/** Begins a login (no code), or hands over the code that the login page gave. */
export async function submitAuthCode(
  deps: Deps,
  caller: Caller,
  { id, agent, code }: { id: string; agent: string; code?: string | undefined },
): Promise<Outcome<DaemonView>> {
  const found = await showDaemon(deps, caller, { id });
  if (!found.ok) return found;
  await transact(deps, async (work) => {
    const command =
      code === undefined
        ? ({ type: "startLogin", agent } as const)
        : ({ type: "submitAuthCode", agent, code } as const);
    addCommand(work, found.value.id, command);
    return done({ id: found.value.id });
  });
  return showDaemon(deps, caller, { id: found.value.id });
}

/** What the daemon says of its agents now. One that is signed in again wakes the tasks that waited for it. */
export async function saveAgents(deps: Deps, daemonId: string, agents: readonly AgentInfo[]): Promise<void> {
  await transact(deps, async (work) => {
    await sql`update makima.daemon set agents = ${toJson(agents)}::jsonb where id = ${daemonId}`.execute(
      work.db,
    );
    for (const agent of agents) if (agent.signedIn === true) await restoreLogin(work, daemonId, agent.name);
    work.workChanged = true;
  });
}

async function read(
  deps: Deps,
  { ownerId }: Caller,
  where: ReturnType<typeof sql>,
  limit: number,
): Promise<Row[]> {
  const { rows } = await sql<Row>`
    select d.id, d.name, d.host_id, d.hostname, d.version, d.labels, d.slots, d.agents, d.draining, d.connected,
      d.last_seen_at,
      (select count(*)::int from makima.run r where r.daemon_id = d.id and r.state <> 'ended') as running,
      (select coalesce(jsonb_agg(jsonb_build_object('agent', a.agent, 'message', a.message, 'loginUrl', a.login_url)), '[]')
        from makima.daemon_auth a where a.daemon_id = d.id and a.required) as auth_required
    from makima.daemon d where d.owner_id = ${ownerId} and ${where} order by d.id limit ${limit}`.execute(
    deps.db,
  );
  return rows;
}

function view(row: Row): DaemonView {
  return {
    id: row.id,
    name: row.name,
    hostId: row.host_id,
    hostname: row.hostname,
    labels: row.labels,
    slots: row.slots,
    running: row.running,
    connected: row.connected,
    draining: row.draining,
    version: row.version,
    agents: row.agents,
    authRequired: row.auth_required.map(({ agent, message, loginUrl }) => ({
      agent,
      message,
      ...(loginUrl === null ? {} : { loginUrl }),
    })),
    lastSeenAt: row.last_seen_at.toISOString(),
  };
}
