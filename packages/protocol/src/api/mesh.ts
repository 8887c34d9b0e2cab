/** Daemons and questions over REST. */
import { z } from "zod";
import { agentInfoSchema } from "../daemon-wire.ts";
import { idParams, instant, pageOf, pageQuery, text } from "./fields.ts";
import { route } from "./route.ts";

export const daemonSchema = z.object({
  id: z.string(),
  name: z.string(),
  hostId: z.string(),
  hostname: z.string(),
  labels: z.array(z.string()),
  slots: z.int(),
  running: z.int(),
  connected: z.boolean(),
  draining: z.boolean(),
  version: z.string(),
  agents: z.array(agentInfoSchema),
  /** Agents whose login has run out; `loginUrl` where the person is to go. */
  authRequired: z.array(
    z.object({ agent: z.string(), message: z.string(), loginUrl: z.string().optional() }),
  ),
  lastSeenAt: instant,
});
export type DaemonView = z.infer<typeof daemonSchema>;

export const listDaemons = route({
  id: "listDaemons",
  method: "GET",
  path: "/mesh/daemons",
  summary: "List daemons",
  tag: "daemons",
  access: ["person"],
  status: 200,
  query: pageQuery,
  response: pageOf(daemonSchema),
});

export const showDaemon = route({
  id: "showDaemon",
  method: "GET",
  path: "/mesh/daemons/:id",
  summary: "Show a daemon",
  tag: "daemons",
  access: ["person"],
  status: 200,
  params: idParams,
  response: daemonSchema,
});

export const drainDaemon = route({
  id: "drainDaemon",
  method: "POST",
  path: "/mesh/daemons/:id/drain",
  summary: "Give a daemon no new tasks, or again",
  tag: "daemons",
  access: ["person"],
  status: 200,
  idempotent: true,
  params: idParams,
  body: z.strictObject({ draining: z.boolean() }),
  response: daemonSchema,
});

export const submitAuthCode = route({
  id: "submitAuthCode",
  method: "POST",
  path: "/mesh/daemons/:id/auth-code",
  summary: "Begin an agent's login on a daemon (no code) or hand over the code that the login page gave",
  tag: "daemons",
  access: ["person"],
  status: 202,
  params: idParams,
  body: z.strictObject({ agent: z.string().default("claude"), code: z.string().min(1).max(4096).optional() }),
  response: daemonSchema,
});

export const questionSchema = z.object({
  id: z.string(),
  shortId: z.string(),
  kind: z.enum(["question", "permission"]),
  contractId: z.string().nullable(),
  taskId: z.string(),
  question: z.string(),
  choices: z.array(z.object({ label: z.string(), description: z.string().optional() })),
  toolName: z.string().nullable(),
  toolInput: z.unknown(),
  status: z.enum(["open", "answered", "closed"]),
  answer: z.string().nullable(),
  answeredBy: z.string().nullable(),
  askedAt: instant,
  answeredAt: instant.nullable(),
});
export type QuestionView = z.infer<typeof questionSchema>;

export const listQuestions = route({
  id: "listQuestions",
  method: "GET",
  path: "/questions",
  summary: "List questions, oldest first",
  tag: "questions",
  access: ["person"],
  status: 200,
  query: pageQuery.extend({
    status: z.enum(["open", "answered", "closed"]).optional(),
    taskId: z.string().optional(),
  }),
  response: pageOf(questionSchema),
});

export const answerQuestion = route({
  id: "answerQuestion",
  method: "POST",
  path: "/questions/:id/answer",
  summary: "Answer a question; exactly one answer wins",
  tag: "questions",
  access: ["person"],
  idempotent: true,
  status: 200,
  params: idParams,
  body: z.strictObject({ answer: text.trim().min(1, "must not be empty"), note: text.optional() }),
  response: questionSchema,
});

export const meshRoutes = {
  listDaemons,
  showDaemon,
  drainDaemon,
  submitAuthCode,
  listQuestions,
  answerQuestion,
};
