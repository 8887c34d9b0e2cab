/**
 * A daemon introduces itself: it is registered, its journal's numbers are agreed on, and what it says that
 * it has is compared with what the server believes (`reconcile-runs.ts`).
 */
import { sql } from "kysely";
import type { DaemonFrame, REFUSALS, ServerFrame } from "@makima/protocol/daemon-wire";
import { MAKIMA_VERSION, OLDEST_WIRE_VERSION, WIRE_VERSION } from "@makima/protocol/version";
import type { Caller, Deps } from "../deps.ts";
import { toJson } from "../store/json.ts";
import { restoreLogin } from "./daemon-logins.ts";
import { reconcileRuns } from "./reconcile-runs.ts";
import { transact } from "./transact.ts";
import { addEvent, type Work } from "./work.ts";

export type Hello = Extract<DaemonFrame, { type: "hello" }>;
type Welcome = Omit<Extract<ServerFrame, { type: "welcome" }>, "type">;

export interface Greeted {
  welcome: Welcome;
  /** Of this connection; a later hello of the same daemon has a higher one. */
  connectionEpoch: number;
}

export type HelloOutcome =
  | { ok: true; value: Greeted }
  | { ok: false; refusal: { reason: (typeof REFUSALS)[number]; message: string } };

const CAPABILITIES: string[] = [];

/** Locks: the inbox first, as whoever applies reports of this daemon; then as every transaction. */
export function daemonHello(deps: Deps, caller: Caller, hello: Hello): Promise<HelloOutcome> {
  const old = refuseVersion(hello);
  return old ? Promise.resolve(old) : transact(deps, (work) => greet(work, caller, hello));
}

function refuseVersion({ wireVersion, version }: Hello): HelloOutcome | undefined {
  if (wireVersion < OLDEST_WIRE_VERSION) {
    const message = `Daemon ${version} speaks wire ${wireVersion}; this server needs ${OLDEST_WIRE_VERSION} or newer. Upgrade the daemon.`;
    return { ok: false, refusal: { reason: "daemonTooOld", message } };
  }
  if (wireVersion > WIRE_VERSION) {
    const message = `Daemon ${version} speaks wire ${wireVersion}; this server (${MAKIMA_VERSION}) speaks ${WIRE_VERSION}. Upgrade the server.`;
    return { ok: false, refusal: { reason: "serverTooOld", message } };
  }
  return undefined;
}

async function greet(work: Work, caller: Caller, hello: Hello): Promise<HelloOutcome> {
  const { db, deps } = work;
  const { daemonId } = hello;
  const connectionEpoch = await register(work, caller, hello);
  if (connectionEpoch === undefined) {
    const message =
      "This daemon id belongs to another owner. Give this daemon a journal of its own (local_db.path).";
    return { ok: false, refusal: { reason: "unauthorized", message } };
  }
  const journal = await meetJournal(work, hello);
  const runs = await reconcileRuns(
    work,
    { daemonId, runs: hello.runs, reportsLast: hello.reportsLast ?? 0 },
    journal.reportsStored,
  );
  for (const agent of hello.agents) {
    if (agent.signedIn === true) await restoreLogin(work, daemonId, agent.name);
  }
  if (journal.isNew) await renumberCommands(work, hello);
  const server = await db.selectFrom("server").select("id").executeTakeFirstOrThrow();
  addEvent(work, caller.ownerId, { type: "DaemonConnected", data: { daemonId, name: hello.name } });
  work.workChanged = true;
  work.timersChanged = true;
  const { heartbeatSecs, leaseSecs, graceSecs } = deps.leases;
  const welcome: Welcome = {
    wireVersion: WIRE_VERSION,
    version: MAKIMA_VERSION,
    capabilities: CAPABILITIES,
    serverId: server.id,
    heartbeatSecs,
    leaseSecs,
    graceSecs,
    reportsStored: journal.reportsStored,
    runs,
  };
  return { ok: true, value: { welcome, connectionEpoch } };
}

/** The epoch of the new connection; undefined when the id is another owner's. */
async function register({ db }: Work, { ownerId }: Caller, hello: Hello): Promise<number | undefined> {
  const { rows } = await sql<{ connection_epoch: number }>`
    insert into makima.daemon (id, owner_id, name, host_id, hostname, version, labels, slots, agents, connected,
      connection_epoch)
    values (${hello.daemonId}, ${ownerId}, ${hello.name}, ${hello.hostId}, ${hello.hostname}, ${hello.version},
      ${hello.labels}, ${hello.slots}, ${toJson(hello.agents)}::jsonb, true, 1)
    on conflict (id) do update set name = excluded.name, host_id = excluded.host_id, hostname = excluded.hostname,
      version = excluded.version, labels = excluded.labels, slots = excluded.slots, agents = excluded.agents,
      connected = true, connection_epoch = daemon.connection_epoch + 1, last_seen_at = clock_timestamp()
    where daemon.owner_id = excluded.owner_id
    returning connection_epoch`.execute(db);
  return rows[0]?.connection_epoch;
}

async function meetJournal(
  { db }: Work,
  { daemonId, journalId, commandsReceived }: Hello,
): Promise<{ isNew: boolean; reportsStored: number }> {
  const [, , inbox] = await Promise.all([
    sql`insert into makima.daemon_inbox (daemon_id, journal_id) values (${daemonId}, ${journalId})
      on conflict do nothing`.execute(db),
    sql`insert into makima.daemon_outbox (daemon_id) values (${daemonId}) on conflict do nothing`.execute(db),
    db
      .selectFrom("daemon_inbox")
      .selectAll()
      .where("daemon_id", "=", daemonId)
      .forUpdate()
      .executeTakeFirstOrThrow(),
  ]);
  if (inbox.journal_id !== journalId) {
    await sql`update makima.daemon_inbox set journal_id = ${journalId}, reports_stored = 0
      where daemon_id = ${daemonId}`.execute(db);
    return { isNew: true, reportsStored: 0 };
  }
  await Promise.all([
    sql`update makima.command set stored_at = now(), payload = payload #- '{spec,apiKey}' #- '{code}'
      where daemon_id = ${daemonId} and seq <= ${commandsReceived} and stored_at is null`.execute(db),
    // A database that was restored from a back-up may be behind its daemons.
    sql`update makima.daemon_outbox set command_seq = ${commandsReceived}
      where daemon_id = ${daemonId} and command_seq < ${commandsReceived}`.execute(db),
  ]);
  return { isNew: false, reportsStored: inbox.reports_stored };
}

/** What the old journal had is gone with it; what it did not have is sent again, counted from the new one's number. */
async function renumberCommands({ db }: Work, { daemonId, commandsReceived }: Hello): Promise<void> {
  await Promise.all([
    sql`select from makima.daemon_outbox where daemon_id = ${daemonId} for update`.execute(db),
    sql`delete from makima.command where daemon_id = ${daemonId} and stored_at is not null`.execute(db),
    // By way of negative numbers, since a number may not be there twice even for a moment.
    sql`update makima.command c set seq = -n.position
      from (select seq, row_number() over (order by seq) as position from makima.command where daemon_id = ${daemonId}) n
      where c.daemon_id = ${daemonId} and c.seq = n.seq`.execute(db),
    sql`update makima.command set seq = ${commandsReceived}::bigint - seq where daemon_id = ${daemonId}`.execute(
      db,
    ),
    sql`update makima.daemon_outbox set command_seq = ${commandsReceived}::bigint +
        (select count(*) from makima.command where daemon_id = ${daemonId})
      where daemon_id = ${daemonId}`.execute(db),
  ]);
}
