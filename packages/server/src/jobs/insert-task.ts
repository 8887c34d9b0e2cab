/** Writes a new task into a contract that the transaction holds. */
import { sql } from "kysely";
import { branchName } from "@makima/core/slug";
import type { TaskSettings } from "@makima/protocol/api/task-schema";
import { newId, newShortId } from "../store/ids.ts";
import { storable, toJson } from "../store/json.ts";
import type { ContractLimits, RepositoryTable } from "../store/work-tables.ts";
import { addEntry, addEvent, type Work } from "./work.ts";

export interface InsertTask {
  contract: {
    id: string;
    ownerId: string;
    name: string;
    shortId: string;
    active: boolean;
    autonomousLoop: boolean;
    limits: ContractLimits;
  };
  repository: Pick<RepositoryTable, "id" | "kind" | "host_id">;
  settings: TaskSettings;
  name: string;
  plan: string;
  /** Ids of tasks that are not done. */
  waitsFor: { id: string; shortId: string }[];
  /** Ids of all tasks that it depends on. */
  dependsOn: string[];
  /** How often a short id was taken already. */
  tries: number;
}

const NO_USAGE = { inputTokens: 0, outputTokens: 0, cacheTokens: 0, costUsd: 0 };

/** The statements travel together; none needs an answer. Returns the task's id. */
export async function insertTask(work: Work, input: InsertTask): Promise<string> {
  const { contract, settings, repository, dependsOn, waitsFor } = input;
  const { db, deps } = work;
  const id = newId();
  const shortId = newShortId("t", input.tries);
  const labels = [...new Set(settings.labels)].sort();
  const host = repository.kind === "local" ? repository.host_id : null;
  const statements: Promise<unknown>[] = [
    // The contract's next turn in the fair queue: one after its last, and not before the queue's own clock.
    sql`update makima.contract c set last_turn = greatest(c.last_turn, o.turn) + 1
      from makima.owner o where c.id = ${contract.id} and o.id = c.owner_id`.execute(db),
    db
      .insertInto("task")
      .values({
        id,
        owner_id: contract.ownerId,
        short_id: shortId,
        contract_id: contract.id,
        repository_id: repository.id,
        name: storable(input.name),
        plan: storable(input.plan),
        kind: "standalone",
        status: "pending",
        max_attempts: deps.limits.maxAttempts,
        waiting_on: waitingOn(waitsFor),
        agent: settings.agent,
        agent_script: settings.agentScript ?? null,
        agent_speed: settings.agentSpeed ?? null,
        model: settings.model ?? null,
        completion_action: settings.completionAction,
        copy_files: settings.copyFiles,
        labels,
        autonomous_loop: settings.autonomousLoop ?? contract.autonomousLoop,
        single_task: settings.singleTask,
        max_cost_usd: settings.maxCostUsd ?? contract.limits.maxCostUsd ?? null,
        max_runtime_secs: settings.maxRuntimeSecs ?? contract.limits.maxRuntimeSecs ?? null,
        branch: branchName(contract.name, input.name, shortId),
        base_branch: settings.baseBranch ?? null,
        target_branch: settings.targetBranch ?? null,
        priority: settings.priority,
        turn: sql`(select last_turn from makima.contract where id = ${contract.id})`,
        held: !contract.active,
        deps_left: waitsFor.length,
        needs: JSON.stringify([settings.agent, host, ...labels]),
        max_iterations: settings.maxIterations ?? contract.limits.maxIterations ?? DEFAULT_ITERATIONS,
        evidence: "[]",
        usage: toJson(NO_USAGE),
      })
      .execute(),
    sql`insert into makima.task_seq (task_id) values (${id})`.execute(db),
  ];
  if (dependsOn.length > 0) {
    const edges = dependsOn.map((other) => ({ task_id: id, depends_on_id: other }));
    statements.push(db.insertInto("task_dependency").values(edges).execute());
  }
  await Promise.all(statements);
  addEvent(work, contract.ownerId, {
    type: "TaskStateChanged",
    contractId: contract.id,
    taskId: id,
    data: { taskName: input.name, oldState: null, newState: "pending" },
  });
  addEntry(work, id, { messageType: "state", content: `created: waits for ${waitingOn(waitsFor)}` });
  if (contract.active) work.workChanged = true;
  return id;
}

const DEFAULT_ITERATIONS = 10;

function waitingOn(waitsFor: readonly { shortId: string }[]): string {
  return waitsFor.length === 0 ? "a free slot" : `tasks ${waitsFor.map(({ shortId }) => shortId).join(", ")}`;
}
