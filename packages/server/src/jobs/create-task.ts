/** Adds a task to a contract. */
import { sql } from "kysely";
import type { z } from "zod";
import { isBranchName } from "@makima/core/slug";
import type { TaskStatus } from "@makima/core/task";
import type { TaskView } from "@makima/protocol/api/task-schema";
import type { createTask as createTaskRoute } from "@makima/protocol/api/tasks";
import type { Caller, Deps } from "../deps.ts";
import { done, refused, type Outcome } from "../outcome.ts";
import { withShortIds } from "../store/ids.ts";
import type { ContractRow } from "../store/task-rows.ts";
import { holdContract } from "./change-contract.ts";
import { nameFrom, onlyVague } from "./create-contract.ts";
import { findContract } from "./find.ts";
import { insertTask } from "./insert-task.ts";
import { taskAfter } from "./show-task.ts";
import { transact } from "./transact.ts";
import type { Work } from "./work.ts";

export type CreateTask = { id: string } & z.output<NonNullable<typeof createTaskRoute.body>>;

/**
 * VALIDATION_FAILED when the contract has as many tasks as it may, is over, or does not have what the task
 * names. A task can only wait for tasks that are there, so tasks never wait for each other in a circle.
 */
export async function createTask(deps: Deps, caller: Caller, input: CreateTask): Promise<Outcome<TaskView>> {
  const found = await findContract(deps, caller, input.id);
  if (!found.ok) return found;
  for (const field of ["baseBranch", "targetBranch"] as const) {
    const branch = input[field];
    if (branch !== undefined && !isBranchName(branch))
      return wrong(field, "is not a branch name that git accepts");
  }
  const created = await withShortIds((tries) =>
    transact(deps, async (work) => insert(work, await holdContract(work, found.value), input, tries)),
  );
  return taskAfter(deps, created);
}

async function insert(
  work: Work,
  { row: contract }: { row: ContractRow },
  input: CreateTask,
  tries: number,
): Promise<Outcome<{ id: string }>> {
  if (!OPEN.has(contract.status)) {
    return refused(
      "INVALID_TRANSITION",
      `Contract ${contract.short_id} is ${contract.status}: it takes no more tasks.`,
    );
  }
  const vague = onlyVague({ goal: input.plan, options: contract.options });
  if (vague) return vague;
  const [repositories, siblings] = await Promise.all([
    work.db
      .selectFrom("repository")
      .selectAll()
      .where("contract_id", "=", contract.id)
      .orderBy("position")
      .execute(),
    sql<Sibling>`select id, short_id, status from makima.task where contract_id = ${contract.id}`.execute(
      work.db,
    ),
  ]);
  const { maxTasks } = work.deps.limits;
  if (siblings.rows.length >= maxTasks) {
    return refused(
      "VALIDATION_FAILED",
      `Contract ${contract.short_id} has ${siblings.rows.length} tasks, the most that it may have (limits.max_tasks is ${maxTasks}).`,
      { details: { tasks: siblings.rows.length, maxTasks } },
    );
  }
  const repository =
    input.repositoryId === undefined
      ? repositories.find((row) => row.is_primary)
      : repositories.find((row) => row.id === input.repositoryId);
  if (!repository) {
    const message =
      repositories.length === 0 ? "the contract has no repository" : "is not one of the contract's";
    return wrong("repositoryId", message);
  }
  const dependsOn: Sibling[] = [];
  for (const ref of new Set(input.dependsOn)) {
    const other = siblings.rows.find(
      ({ id, short_id }) => id === ref || short_id === ref || short_id === `t-${ref}`,
    );
    if (!other) return wrong("dependsOn", `the contract has no task "${ref}"`);
    if (!dependsOn.includes(other)) dependsOn.push(other);
  }
  const hopeless = dependsOn.find(({ status }) => status === "failed" || status === "cancelled");
  if (hopeless)
    return wrong(
      "dependsOn",
      `${hopeless.short_id} is ${hopeless.status} and will not be done; retry it first`,
    );
  const { id, plan, name, ...rest } = input;
  const settings = name === undefined ? rest : { ...rest, name };
  const taskId = await insertTask(work, {
    contract: {
      id: contract.id,
      ownerId: contract.owner_id,
      name: contract.name,
      shortId: contract.short_id,
      active: contract.status === "active",
      autonomousLoop: contract.autonomous_loop,
      limits: contract.limits,
    },
    repository,
    settings,
    name: name ?? nameFrom(plan),
    plan,
    waitsFor: dependsOn
      .filter(({ status }) => status !== "done")
      .map((other) => ({ id: other.id, shortId: other.short_id })),
    dependsOn: dependsOn.map((other) => other.id),
    tries,
  });
  return done({ id: taskId });
}

interface Sibling {
  id: string;
  short_id: string;
  status: TaskStatus;
}

/** A contract that is over or completing takes no more tasks. */
const OPEN = new Set(["created", "active", "waiting_for_input", "paused", "blocked"]);

function wrong(field: string, message: string): Outcome<never> {
  return refused("VALIDATION_FAILED", `${field}: ${message}.`, {
    errors: [{ pointer: `/${field}`, message }],
  });
}
