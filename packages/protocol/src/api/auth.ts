/** Keys, sessions and the server itself over REST. */
import { z } from "zod";
import { idParams, instant, name } from "./fields.ts";
import { route } from "./route.ts";

export const SCOPES = ["read", "write", "approve", "admin"] as const;

export const apiKeySchema = z.object({
  id: z.string(),
  name: z.string(),
  kind: z.enum(["person", "daemon", "task"]),
  /** First characters of the key, to tell keys apart. */
  prefix: z.string(),
  scopes: z.array(z.enum(SCOPES)),
  createdAt: instant,
  expiresAt: instant.nullable(),
  lastUsedAt: instant.nullable(),
  revokedAt: instant.nullable(),
});
export type ApiKeyView = z.infer<typeof apiKeySchema>;

export const listApiKeys = route({
  id: "listApiKeys",
  method: "GET",
  path: "/api-keys",
  summary: "List API keys; a key itself is shown only when it is made",
  tag: "auth",
  access: ["person"],
  status: 200,
  response: z.object({ items: z.array(apiKeySchema) }),
});

export const createApiKey = route({
  id: "createApiKey",
  method: "POST",
  path: "/api-keys",
  summary: "Make an API key",
  tag: "auth",
  access: ["person"],
  status: 201,
  body: z.strictObject({
    name,
    kind: z.enum(["person", "daemon"]).default("person"),
    scopes: z.array(z.enum(SCOPES)).min(1).optional(),
    expiresInSecs: z.int().positive().optional(),
  }),
  response: apiKeySchema.extend({ key: z.string() }),
});

export const revokeApiKey = route({
  id: "revokeApiKey",
  method: "DELETE",
  path: "/api-keys/:id",
  summary: "Revoke an API key; sockets opened with it are closed at once",
  tag: "auth",
  access: ["person"],
  status: 204,
  params: idParams,
});

export const createLoginLink = route({
  id: "createLoginLink",
  method: "POST",
  path: "/auth/login-links",
  summary: "Make a one-use login link for a browser; good for ten minutes",
  tag: "auth",
  access: ["person"],
  status: 201,
  response: z.object({ url: z.string(), code: z.string(), expiresAt: instant }),
});

export const createSession = route({
  id: "createSession",
  method: "POST",
  path: "/auth/session",
  summary: "Trade a login link's code or a key for a browser session cookie",
  tag: "auth",
  access: "public",
  status: 200,
  body: z.strictObject({ code: z.string().max(200).optional(), key: z.string().max(200).optional() }),
  response: z.object({ owner: z.string(), expiresAt: instant }),
});

export const endSession = route({
  id: "endSession",
  method: "DELETE",
  path: "/auth/session",
  summary: "Sign out",
  tag: "auth",
  access: ["person"],
  status: 204,
});

export const whoami = route({
  id: "whoami",
  method: "GET",
  path: "/auth/whoami",
  summary: "Who the caller is to the server",
  tag: "auth",
  access: ["person", "daemon", "task"],
  status: 200,
  response: z.object({
    ownerId: z.string(),
    ownerName: z.string(),
    role: z.enum(["admin", "member"]),
    principal: z.enum(["person", "daemon", "task"]),
    scopes: z.array(z.enum(SCOPES)),
    via: z.enum(["key", "session", "jwt"]),
    taskId: z.string().nullable(),
    contractId: z.string().nullable(),
  }),
});

export const health = route({
  id: "health",
  method: "GET",
  path: "//healthz",
  summary: "The process answers",
  tag: "server",
  access: "public",
  status: 200,
  response: z.object({
    status: z.literal("ok"),
    version: z.string(),
    instanceId: z.string(),
    uptimeSecs: z.number(),
  }),
});

export const ready = route({
  id: "ready",
  method: "GET",
  path: "//readyz",
  summary: "The server can do its work: database reached, migrations current",
  tag: "server",
  access: "public",
  status: 200,
  response: z.object({ status: z.literal("ready") }),
});

export const authRoutes = {
  listApiKeys,
  createApiKey,
  revokeApiKey,
  createLoginLink,
  createSession,
  endSession,
  whoami,
  health,
  ready,
};
