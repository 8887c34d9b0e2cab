/** Contracts over REST. */
import { z } from "zod";
import { CONTRACT_STATUSES } from "@makima/core/contract";
import { TASK_STATUSES } from "@makima/core/task";
import { runOptionsSchema } from "../run-spec.ts";
import { idParams, instant, name, pageOf, pageQuery, text } from "./fields.ts";
import { route } from "./route.ts";
import { taskSettingsSchema, taskSchema } from "./task-schema.ts";

const branchName = z.string().min(1).max(255);

export const repositoryInput = z.strictObject({
  name: name.optional(),
  kind: z.enum(["local", "remote", "managed"]),
  path: z.string().min(1).max(4096).optional(),
  url: z.string().min(1).max(4096).optional(),
  baseBranch: branchName.optional(),
  /** local: the machine that has it, as its daemon tells it. */
  hostId: z.string().max(200).optional(),
  isPrimary: z.boolean().optional(),
});

export const repositorySchema = z.object({
  id: z.string(),
  name: z.string(),
  kind: z.enum(["local", "remote", "managed"]),
  path: z.string().nullable(),
  url: z.string().nullable(),
  hostId: z.string().nullable(),
  baseBranch: z.string().nullable(),
  isPrimary: z.boolean(),
});

export const contractOptionsSchema = runOptionsSchema.partial();

export const limitsSchema = z.strictObject({
  maxIterations: z.int().min(1).max(50).optional(),
  maxCostUsd: z.number().positive().optional(),
  maxRuntimeSecs: z.number().positive().optional(),
});

export const contractSchema = z.object({
  id: z.string(),
  shortId: z.string(),
  name: z.string(),
  goal: z.string(),
  contractType: z.string(),
  phase: z.string(),
  status: z.enum(CONTRACT_STATUSES),
  waitingFor: z.string().nullable(),
  blockedReason: z.string().nullable(),
  failureReason: z.string().nullable(),
  repositories: z.array(repositorySchema),
  autonomousLoop: z.boolean(),
  options: contractOptionsSchema,
  limits: limitsSchema,
  taskCounts: z.partialRecord(z.enum(TASK_STATUSES), z.int()),
  costUsd: z.number(),
  version: z.int(),
  statusChangedAt: instant,
  lastActivityAt: instant,
  createdAt: instant,
  updatedAt: instant,
});
export type ContractView = z.infer<typeof contractSchema>;

/** Every event that the API tells of; numbered per owner in commit order. */
export const eventSchema = z.object({
  seq: z.int(),
  at: instant,
  type: z.string(),
  contractId: z.string().nullable(),
  taskId: z.string().nullable(),
  data: z.record(z.string(), z.unknown()),
});
export type EventView = z.infer<typeof eventSchema>;

export const createContract = route({
  id: "createContract",
  method: "POST",
  path: "/contracts",
  summary: "Create a contract; with `start`, begin work at once",
  tag: "contracts",
  access: ["person"],
  idempotent: true,
  status: 201,
  body: z.strictObject({
    name: name.optional(),
    goal: text.trim().min(1, "says what is to be done; it must not be empty"),
    contractType: z.string().max(100).default("simple"),
    repositories: z.array(repositoryInput).max(20).default([]),
    options: contractOptionsSchema.default({}),
    autonomousLoop: z.boolean().default(false),
    limits: limitsSchema.default({}),
    /** For type `single`: how its one task is to be run. */
    task: taskSettingsSchema.optional(),
    start: z.boolean().default(false),
  }),
  response: z.object({ contract: contractSchema, tasks: z.array(taskSchema) }),
});

export const listContracts = route({
  id: "listContracts",
  method: "GET",
  path: "/contracts",
  summary: "List contracts, newest first",
  tag: "contracts",
  access: ["person"],
  status: 200,
  query: pageQuery.extend({
    status: z.enum(CONTRACT_STATUSES).optional(),
    phase: z.string().max(100).optional(),
  }),
  response: pageOf(contractSchema),
});

export const showContract = route({
  id: "showContract",
  method: "GET",
  path: "/contracts/:id",
  summary: "Show a contract",
  tag: "contracts",
  access: ["person", "task"],
  status: 200,
  params: idParams,
  response: contractSchema,
});

export const startContract = route({
  id: "startContract",
  method: "POST",
  path: "/contracts/:id/start",
  summary: "Start a created contract",
  tag: "contracts",
  access: ["person"],
  idempotent: true,
  status: 200,
  params: idParams,
  response: contractSchema,
});

export const listContractEvents = route({
  id: "listContractEvents",
  method: "GET",
  path: "/contracts/:id/events",
  summary: "What happened to a contract, oldest first",
  tag: "contracts",
  access: ["person", "task"],
  status: 200,
  params: idParams,
  query: pageQuery,
  response: pageOf(eventSchema),
});

export const contractRoutes = {
  createContract,
  listContracts,
  showContract,
  startContract,
  listContractEvents,
};
