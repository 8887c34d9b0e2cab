/** Tasks over REST. */
import { z } from "zod";
import { TASK_STATUSES } from "@makima/core/task";
import { evidenceSchema } from "../gate.ts";
import { historyEntrySchema, MESSAGE_TYPES } from "../history.ts";
import { idParams, instant, pageOf, pageQuery, text } from "./fields.ts";
import { route, type Route } from "./route.ts";
import { iterationSchema, taskSchema, taskSettingsSchema } from "./task-schema.ts";

export const checkpointSchema = z.object({
  n: z.int(),
  ref: z.string(),
  commit: z.string(),
  message: z.string(),
  at: instant,
  files: z.int(),
  insertions: z.int(),
  deletions: z.int(),
  omitted: z.array(z.string()),
  pushed: z.boolean(),
  runId: z.string(),
});
export type CheckpointView = z.infer<typeof checkpointSchema>;

const readers = ["person", "task"] as const;
const task = { tag: "tasks", params: idParams, response: taskSchema } as const;

/** A route that acts on one task and answers with the task. */
function action<B extends z.ZodType = z.ZodUndefined>(id: string, verb: string, summary: string, body?: B) {
  const declared: Route<typeof idParams, z.ZodUndefined, B, typeof taskSchema> = {
    ...task,
    id,
    method: "POST",
    path: `/mesh/tasks/:id/${verb}`,
    summary,
    access: ["person"],
    idempotent: true,
    status: 200,
  };
  if (body) declared.body = body;
  return declared;
}

export const createTask = route({
  id: "createTask",
  method: "POST",
  path: "/contracts/:id/tasks",
  summary: "Add a task to a contract",
  tag: "tasks",
  access: ["person"],
  idempotent: true,
  status: 201,
  params: idParams,
  body: taskSettingsSchema.extend({
    plan: text.trim().min(1, "says what is to be done; it must not be empty"),
  }),
  response: taskSchema,
});

export const listContractTasks = route({
  id: "listContractTasks",
  method: "GET",
  path: "/contracts/:id/tasks",
  summary: "List a contract's tasks, oldest first",
  tag: "tasks",
  access: readers,
  status: 200,
  params: idParams,
  query: pageQuery,
  response: pageOf(taskSchema),
});

export const listTasks = route({
  id: "listTasks",
  method: "GET",
  path: "/mesh/tasks",
  summary: "List tasks, newest first",
  tag: "tasks",
  access: ["person"],
  status: 200,
  query: pageQuery.extend({ status: z.enum(TASK_STATUSES).optional(), contractId: z.string().optional() }),
  response: pageOf(taskSchema),
});

export const showTask = route({
  ...task,
  id: "showTask",
  method: "GET",
  path: "/mesh/tasks/:id",
  summary: "Show a task",
  access: readers,
  status: 200,
});

export const pauseTask = action("pauseTask", "pause", "Stop the agent gently, keep its session and work");
export const resumeTask = action("resumeTask", "resume", "Go on with a paused task in the same session");
export const continueTask = action(
  "continueTask",
  "continue",
  "Go on with a blocked task: more iterations, a new instruction",
  z.strictObject({
    moreIterations: z.int().min(1).max(50).optional(),
    instruction: text.optional(),
    addCostUsd: z.number().positive().optional(),
  }),
);
export const cancelTask = action(
  "cancelTask",
  "cancel",
  "Stop a task for good; its work stays on a checkpoint",
);
export const retryTask = action("retryTask", "retry", "Run a final task again from the start of its loop");
export const messageTask = action(
  "messageTask",
  "message",
  "Write to the agent: now if it runs, else with its next prompt",
  z.strictObject({ text: text.trim().min(1, "must not be empty") }),
);
export const retryCompletionAction = action(
  "retryCompletionAction",
  "retry-completion-action",
  "Try the push, merge or pull request of a done task again",
);

export const listTaskOutput = route({
  id: "listTaskOutput",
  method: "GET",
  path: "/mesh/tasks/:id/output",
  summary: "A task's history, oldest first",
  tag: "tasks",
  access: readers,
  status: 200,
  params: idParams,
  query: z.object({
    /** Only entries with a higher number. */
    after: z.coerce.number().int().min(0).default(0),
    limit: z.coerce.number().int().min(1).max(2000).default(500),
    type: z.enum(MESSAGE_TYPES).optional(),
    /** The newest `limit` entries instead of the first ones after `after`. */
    tail: z.stringbool().optional(),
  }),
  response: z.object({ items: z.array(historyEntrySchema), lastSeq: z.int() }),
});

export const listIterations = route({
  id: "listIterations",
  method: "GET",
  path: "/mesh/tasks/:id/iterations",
  summary: "The iterations of a task with gates and evidence, oldest first",
  tag: "tasks",
  access: readers,
  status: 200,
  params: idParams,
  response: z.object({ items: z.array(iterationSchema) }),
});

export const listEvidence = route({
  id: "listEvidence",
  method: "GET",
  path: "/mesh/tasks/:id/evidence",
  summary: "What was run to check the task's newest iteration",
  tag: "tasks",
  access: readers,
  status: 200,
  params: idParams,
  response: z.object({ items: z.array(evidenceSchema) }),
});

export const listCheckpoints = route({
  id: "listCheckpoints",
  method: "GET",
  path: "/mesh/tasks/:id/checkpoints",
  summary: "A task's checkpoints, newest first",
  tag: "tasks",
  access: readers,
  status: 200,
  params: idParams,
  query: pageQuery,
  response: pageOf(checkpointSchema),
});

export const showDiff = route({
  id: "showDiff",
  method: "GET",
  path: "/mesh/tasks/:id/diff",
  summary: "What a task changed, as a patch; asked of the daemon that has the repository",
  tag: "tasks",
  access: readers,
  status: 200,
  params: idParams,
  query: z.object({ from: z.string().max(100).optional(), to: z.string().max(100).optional() }),
  response: z.object({ from: z.string(), to: z.string(), patch: z.string(), truncated: z.boolean() }),
});

export const showPrompt = route({
  id: "showPrompt",
  method: "GET",
  path: "/mesh/tasks/:id/prompt",
  summary: "The prompt that the task's next iteration would begin with",
  tag: "tasks",
  access: ["person"],
  status: 200,
  params: idParams,
  response: z.object({ systemPrompt: z.string(), prompt: z.string() }),
});

export const taskRoutes = {
  createTask,
  listContractTasks,
  listTasks,
  showTask,
  pauseTask,
  resumeTask,
  continueTask,
  cancelTask,
  retryTask,
  messageTask,
  retryCompletionAction,
  listTaskOutput,
  listIterations,
  listEvidence,
  listCheckpoints,
  showDiff,
  showPrompt,
};
