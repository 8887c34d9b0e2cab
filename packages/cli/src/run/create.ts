/** The contract of one sentence: made and started in one request that may come twice and counts once. */
import type { Client } from "@makima/client/rest";
import type { ContractView } from "@makima/protocol/api/contracts";
import { routes } from "@makima/protocol/api/routes";
import type { taskSettingsSchema, TaskView } from "@makima/protocol/api/task-schema";
import type { RunOptions } from "@makima/protocol/run-spec";
import type { z } from "zod";
import { CliError } from "../cli-error.ts";
import { contractLimits } from "./options.ts";
import type { LocalRepository } from "./repository.ts";

export interface NewContract {
  goal: string;
  name?: string | undefined;
  repository: LocalRepository;
  /** The machine that the repository is on. */
  hostId: string;
  options: RunOptions;
  settings: z.input<typeof taskSettingsSchema>;
}

export interface Created {
  contract: ContractView;
  task: TaskView;
}

/** Makes a contract of type `single`, started, and gives its one task. */
export async function createSingle(client: Client, given: NewContract): Promise<Created> {
  const { repository, settings } = given;
  const body = {
    goal: given.goal,
    contractType: "single",
    repositories: [
      {
        kind: "local" as const,
        path: repository.path,
        hostId: given.hostId,
        baseBranch: repository.baseBranch,
        isPrimary: true,
      },
    ],
    options: given.options,
    autonomousLoop: settings.autonomousLoop ?? true,
    limits: contractLimits(settings),
    task: settings,
    start: true,
    ...(given.name === undefined ? {} : { name: given.name }),
  };
  const { contract, tasks } = await client.call(routes.createContract, { body });
  const [task] = tasks;
  if (task) return { contract, task };
  throw new CliError({
    code: "NO_TASK",
    message: `The contract ${contract.shortId} was made and has no task.`,
    why: "The server may be of another version than this command.",
    next: [`makima contracts show ${contract.shortId}`, "makima status"],
  });
}
