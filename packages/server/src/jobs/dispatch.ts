/**
 * Gives waiting tasks to daemons: called when work or room for it may have appeared, never by a clock.
 *
 * One transaction for one owner and many tasks. It locks the outboxes of the owner's connected daemons
 * first, so that two servers never fill the same slot, then takes tasks from the front of the queue, passing
 * over those that another transaction holds. Core decides where each goes; what is placed gets a run with a
 * lease and its command in one commit.
 *
 * The queue is fair by construction: each task has a turn, one after the last of its contract's and not
 * before the turn that was placed last, so a contract of three hundred tasks takes every other place, not
 * three hundred in a row, and finding the front costs the same however long the queue is.
 */
import { sql } from "kysely";
import { chooseDaemon, whyWaiting, type DaemonCandidate, type PlacementAsk } from "@makima/core/placement";
import type { AgentInfo } from "@makima/protocol/daemon-wire";
import type { Deps } from "../deps.ts";
import { newId } from "../store/ids.ts";
import { taskColumns, type TaskRow } from "../store/task-rows.ts";
import { changeTask, holdTask, touchTask } from "./change-task.ts";
import { buildRunSpec } from "./run-spec.ts";
import { newSecret, prefixOf } from "./secrets.ts";
import { readCandidates, type Candidate } from "./spec-facts.ts";
import { transact } from "./transact.ts";
import { addCommand, type Work } from "./work.ts";

/** Tasks of one transaction. */
const MOST = 250;
/** Tasks beyond the free slots that are looked at: those in front may fit nowhere just now. */
const AHEAD = 16;
/** Kinds of tasks that fit nowhere are passed over this often before the round ends. */
const PASSES = 8;

const CLAIMABLE = sql`t.status = 'pending' and not t.held and t.deps_left = 0`;

/** Places what can be placed now, of all owners. */
export async function dispatch(deps: Deps): Promise<void> {
  while ((await transact(deps, (work) => placeMany(work), { readsFirst: true })) >= MOST);
}

/**
 * Fills the slots that runs of this transaction leave, in the same transaction: the next task is on its way
 * when the end of the last one is stored.
 */
export async function placeInFreedSlots(work: Work): Promise<void> {
  const freed = work.endedRuns.flatMap(({ daemonId }) => daemonId ?? []);
  if (freed.length === 0) return;
  await placeMany(work, { daemonIds: [...new Set(freed)], slots: freed.length });
  // What became pending in this very transaction can only be placed by the next.
  work.workChanged = [...work.tasks.values()].some(({ row }) => row.status === "pending");
}

interface Freed {
  daemonIds: readonly string[];
  slots: number;
}

/** How many tasks were placed; where only some slots are free, in those alone. */
async function placeMany(work: Work, freed?: Freed): Promise<number> {
  work.dispatching = true;
  // Where it is known how many are wanted, and whose, they are claimed by the statement behind the locks.
  const known = freed && onlyOwner(work);
  const limit = Math.min(MOST, freed?.slots ?? 0);
  const [owners, window] = await Promise.all([
    daemonsWithWork(work, freed?.daemonIds),
    known ? claim(work, known, [], limit) : undefined,
  ]);
  let placed = 0;
  for (const [ownerId, daemons] of owners) {
    placed += await placeFor(
      work,
      ownerId,
      daemons,
      MOST - placed,
      ownerId === known && window ? { window, limit } : undefined,
    );
  }
  return placed;
}

function onlyOwner(work: Work): string | undefined {
  const owners = new Set([...work.tasks.values()].map(({ row }) => row.owner_id));
  return owners.size === 1 ? [...owners][0] : undefined;
}

async function placeFor(
  work: Work,
  ownerId: string,
  daemons: readonly DaemonCandidate[],
  most: number,
  first?: { window: Candidate[]; limit: number },
): Promise<number> {
  let room = daemons.reduce((sum, daemon) => sum + (daemon.draining ? 0 : Math.max(0, daemon.freeSlots)), 0);
  if (most === 0 || (room === 0 && daemons.some((daemon) => !daemon.draining))) return 0;
  const misfits = new Map<string, string>();
  let placed = 0;
  for (let pass = 0; pass < PASSES && placed < most; pass += 1) {
    const claimed = pass === 0 ? first : undefined;
    const limit = claimed?.limit ?? Math.min(room, most - placed) + AHEAD;
    const window = claimed?.window ?? (await claim(work, ownerId, [...misfits.keys()], limit));
    for (const task of window) {
      if (placed >= most || misfits.has(task.needs)) continue;
      const daemon = chooseDaemon(askOf(task), daemons);
      if (daemon) {
        place(work, task, daemon);
        placed += 1;
        room -= 1;
      } else if (room > 0) {
        misfits.set(task.needs, whyWaiting(askOf(task), daemons));
      }
    }
    if (room === 0 || window.length < limit) break;
  }
  for (const [needs, why] of misfits) await sayWhy(work, ownerId, needs, why);
  return placed;
}

interface DaemonRow {
  id: string;
  owner_id: string;
  name: string;
  host_id: string;
  slots: number;
  labels: string[];
  agents: AgentInfo[];
  draining: boolean;
  signed_out: string[];
}

/**
 * The connected daemons of owners who have tasks to place, but for those not heard for a lease: a stopped process
 * keeps its connection. Locks first, looks afterwards: what was counted before may be old.
 */
async function daemonsWithWork({ db, deps, endedRuns }: Work, daemonIds?: readonly string[]) {
  const heard = sql`d.last_seen_at > clock_timestamp() - make_interval(secs => ${deps.leases.leaseSecs})`;
  const named = daemonIds === undefined ? sql`` : sql`and d.id = any(${daemonIds}::uuid[])`;
  const withWork = sql`d.connected and ${heard} ${named} and exists (
    select from makima.task t where t.owner_id = d.owner_id and ${CLAIMABLE})`;
  const [, found, counts] = await Promise.all([
    sql`select from makima.daemon_outbox o join makima.daemon d on d.id = o.daemon_id
      where ${withWork} order by o.daemon_id for update of o`.execute(db),
    sql<DaemonRow>`
      select d.id, d.owner_id, d.name, d.host_id, d.slots, d.labels, d.agents, d.draining,
        array(select a.agent from makima.daemon_auth a where a.daemon_id = d.id and a.required) as signed_out
      from makima.daemon d where ${withWork} order by d.owner_id, d.id`.execute(db),
    sql<{ daemon_id: string; n: number }>`
      select r.daemon_id, count(*)::int as n from makima.daemon d join makima.run r on r.daemon_id = d.id
      where ${withWork} and r.state <> 'ended' group by r.daemon_id`.execute(db),
  ]);
  const busy = new Map(counts.rows.map(({ daemon_id, n }) => [daemon_id, n]));
  // Counted as they are stored; these are over, though that is not written yet.
  for (const { daemonId } of endedRuns) if (daemonId) busy.set(daemonId, (busy.get(daemonId) ?? 0) - 1);
  const owners = new Map<string, DaemonCandidate[]>();
  for (const row of found.rows) {
    const daemon: DaemonCandidate = {
      id: row.id,
      name: row.name,
      // A host is told apart by its id; names of hosts are anyone's.
      hostname: row.host_id,
      connected: true,
      draining: row.draining,
      freeSlots: row.slots - (busy.get(row.id) ?? 0),
      labels: row.labels,
      agents: row.agents
        .filter((agent) => agent.available && !row.signed_out.includes(agent.name))
        .map((agent) => agent.name),
    };
    owners.set(row.owner_id, [...(owners.get(row.owner_id) ?? []), daemon]);
  }
  return owners;
}

function claim({ db, tasks }: Work, ownerId: string, misfits: string[], limit: number): Promise<Candidate[]> {
  const taken = [...tasks.keys()];
  return readCandidates(
    db,
    sql`t.owner_id = ${ownerId} and ${CLAIMABLE} and t.needs <> all(${misfits}) and t.id <> all(${taken}::uuid[])`,
    sql`order by t.priority desc, t.turn, t.id limit ${limit} for update of t skip locked`,
  );
}

function askOf(task: Candidate): PlacementAsk {
  const ask: PlacementAsk = { agent: task.agent, labels: task.labels };
  const { repository } = task;
  if (repository?.kind === "local" && repository.host_id) ask.host = repository.host_id;
  if (task.daemon_id) ask.prefer = task.daemon_id;
  return ask;
}

function place(work: Work, task: Candidate, daemon: DaemonCandidate): void {
  const { plan, contract, repository, messages, checkpoint, ...row } = task;
  if (!repository) throw new Error(`task ${task.id} has no repository`);
  const held = holdTask(work, row);
  const runId = newId();
  const { text: apiKey, hash } = newSecret("mk_");
  row.run_id = runId;
  row.daemon_id = daemon.id;
  daemon.freeSlots -= 1;
  const step = changeTask(work, held, { type: "placed" }, { detail: `given to ${daemon.name}` });
  if (!step.ok) throw new Error(`task ${task.id} is ${task.status} and was claimed`);
  work.startedRuns.push({
    id: runId,
    taskId: row.id,
    contractId: row.contract_id,
    ownerId: row.owner_id,
    daemonId: daemon.id,
    epoch: row.epoch,
    attempt: row.attempt,
    keyHash: hash.toString("hex"),
    keyPrefix: prefixOf(apiKey),
    messages: messages.map(({ id }) => id),
  });
  const facts = { task: { ...row, plan }, contract, repository, messages, checkpoint };
  const spec = buildRunSpec({ ...facts, runId, epoch: row.epoch, apiKey });
  addCommand(work, daemon.id, { type: "spawnTask", spec }, row.id);
  work.turns.set(row.owner_id, Math.max(row.turn, work.turns.get(row.owner_id) ?? 0));
}

/** Tasks of one kind that are told in one round why they wait. */
const MOST_TOLD = 100;

/** Told again only when it changed. */
async function sayWhy(work: Work, ownerId: string, needs: string, why: string): Promise<void> {
  const { rows } = await sql<TaskRow>`
    select ${taskColumns("t")} from makima.task t
    where t.owner_id = ${ownerId} and ${CLAIMABLE} and t.needs = ${needs} and t.waiting_on is distinct from ${why}
    order by t.priority desc, t.turn, t.id limit ${MOST_TOLD} for update of t skip locked`.execute(work.db);
  for (const row of rows) {
    const held = holdTask(work, row);
    row.waiting_on = why;
    touchTask(work, held);
  }
}
