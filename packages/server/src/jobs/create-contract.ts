/** Creates a contract. One of type `single` gets its one task with it; with `start` work begins at once. */
import { sql } from "kysely";
import type { z } from "zod";
import { builtInType, CONTRACT_TYPES, type ContractType } from "@makima/core/contract-type";
import { readCriteria, refuseOnlyVague } from "@makima/core/criteria";
import { isBranchName } from "@makima/core/slug";
import type { createContract as createContractRoute, ContractView } from "@makima/protocol/api/contracts";
import { taskSettingsSchema, type TaskView } from "@makima/protocol/api/task-schema";
import type { Caller, Deps } from "../deps.ts";
import { done, refused, type Outcome } from "../outcome.ts";
import { newId, newShortId, withShortIds } from "../store/ids.ts";
import { storable, toJson } from "../store/json.ts";
import { onOneConnection } from "../store/pin.ts";
import { changeContract, holdContract } from "./change-contract.ts";
import { readContracts } from "./contract-view.ts";
import { insertTask } from "./insert-task.ts";
import { takeRepositories } from "./repositories.ts";
import { readTasks } from "./task-view.ts";
import { transact } from "./transact.ts";
import { addEvent, type Work } from "./work.ts";

export type CreateContract = z.output<NonNullable<typeof createContractRoute.body>>;

export interface CreatedContract {
  contract: ContractView;
  tasks: TaskView[];
}

/** VALIDATION_FAILED names every field that is wrong; an unknown type, the ones that there are. */
export async function createContract(
  deps: Deps,
  caller: Caller,
  input: CreateContract,
): Promise<Outcome<CreatedContract>> {
  const type = builtInType(input.contractType);
  if (!type) return unknownType(input.contractType);
  const repositories = takeRepositories(input.repositories, type);
  const errors = [...repositories.errors, ...taskErrors(input, type)];
  if (errors.length > 0) {
    const [first] = errors;
    return refused("VALIDATION_FAILED", `${first?.pointer}: ${first?.message}.`, { errors });
  }
  const vague = onlyVague(input);
  if (vague) return vague;
  const prepared = { input, type, repositories: repositories.rows };
  const created = await withShortIds((tries) =>
    transact(deps, (work) => insert(work, caller, prepared, tries)),
  );
  if (!created.ok) return created;
  const { id } = created.value;
  const [contracts, tasks] = await onOneConnection(deps.db, (db) =>
    Promise.all([
      readContracts(db, sql`c.id = ${id}`),
      readTasks(db, sql`t.contract_id = ${id}`, sql`order by t.id`),
    ]),
  );
  const [contract] = contracts;
  return contract
    ? done({ contract, tasks })
    : refused("CONTRACT_NOT_FOUND", "The contract was deleted meanwhile.");
}

interface Prepared {
  input: CreateContract;
  type: ContractType;
  repositories: ReturnType<typeof takeRepositories>["rows"];
}

async function insert(
  work: Work,
  caller: Caller,
  { input, type, repositories }: Prepared,
  tries: number,
): Promise<Outcome<{ id: string }>> {
  const { db } = work;
  const { ownerId } = caller;
  const id = newId();
  const shortId = newShortId("c", tries);
  const name = storable(input.name ?? nameFrom(input.goal));
  const statements: Promise<unknown>[] = [
    db
      .insertInto("contract")
      .values({
        id,
        owner_id: ownerId,
        short_id: shortId,
        name,
        goal: storable(input.goal),
        contract_type: type.name,
        phase: type.phases[0]?.id ?? "execute",
        status: "created",
        autonomous_loop: input.autonomousLoop,
        options: toJson(input.options),
        limits: toJson(input.limits),
      })
      .execute(),
  ];
  if (repositories.length > 0) {
    const rows = repositories.map((row) => ({ ...row, contract_id: id, owner_id: ownerId }));
    statements.push(db.insertInto("repository").values(rows).execute());
  }
  addEvent(work, ownerId, {
    type: "StatusChanged",
    contractId: id,
    data: { name, oldStatus: null, newStatus: "created", reason: null },
  });
  const repository = repositories.find((row) => row.is_primary);
  if (!type.supervisor && repository) {
    const settings = input.task ?? taskSettingsSchema.parse({});
    const contract = {
      id,
      ownerId,
      name,
      shortId,
      active: input.start,
      autonomousLoop: input.autonomousLoop,
      limits: input.limits,
    };
    const task = {
      contract,
      repository,
      settings,
      name: settings.name ?? name,
      plan: input.goal,
      waitsFor: [],
      dependsOn: [],
      tries,
    };
    statements.push(insertTask(work, task));
  }
  await Promise.all(statements);
  if (input.start) changeContract(work, await holdContract(work, id), "active");
  return done({ id });
}

function taskErrors({ task }: CreateContract, type: ContractType) {
  const errors = [];
  if (task && type.supervisor) {
    errors.push({
      pointer: "/task",
      message: `is for type single; tasks of type ${type.name} are its supervisor's`,
    });
  }
  if (task?.repositoryId !== undefined) {
    errors.push({
      pointer: "/task/repositoryId",
      message: "is not known yet: the primary repository is used",
    });
  }
  if (task && task.dependsOn.length > 0) {
    errors.push({ pointer: "/task/dependsOn", message: "there are no other tasks yet" });
  }
  for (const field of ["baseBranch", "targetBranch"] as const) {
    const branch = task?.[field];
    if (branch !== undefined && !isBranchName(branch)) {
      errors.push({ pointer: `/task/${field}`, message: "is not a branch name that git accepts" });
    }
  }
  return errors;
}

/** A plan whose criteria are all vague is refused, unless the contract says that it may be. */
export function onlyVague({
  goal,
  options,
}: Pick<CreateContract, "goal" | "options">): Outcome<never> | undefined {
  if (options.criteriaEnabled === false || options.requireVerifiable === false) return undefined;
  const problem = refuseOnlyVague(readCriteria(goal));
  if (!problem) return undefined;
  return refused("VALIDATION_FAILED", problem, {
    errors: [{ pointer: "/goal", message: "has acceptance criteria, and none that can be checked" }],
  });
}

function unknownType(name: string): Outcome<never> {
  const valid = CONTRACT_TYPES.map((type) => type.name);
  return refused("VALIDATION_FAILED", `There is no contract type "${name}". There are ${valid.join(", ")}.`, {
    details: { valid },
    errors: [{ pointer: "/contractType", message: `must be one of ${valid.join(", ")}` }],
  });
}

/** The goal's first line, cut at a word. */
export function nameFrom(text: string): string {
  const line =
    text
      .trim()
      .split("\n", 1)[0]
      ?.replace(/^#+\s*/, "")
      .trim() ?? "";
  if (line.length <= 80) return line || "task";
  const cut = line.slice(0, 80);
  return `${cut.slice(0, Math.max(40, cut.lastIndexOf(" ")))}…`;
}
