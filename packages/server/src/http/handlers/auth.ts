/** Keys, sessions, and who one is. */
import type { authRoutes } from "@makima/protocol/api/auth";
import { MAKIMA_VERSION } from "@makima/protocol/version";
import { endedSessionCookie, sessionCookie } from "../../auth/session-cookie.ts";
import { createApiKey, listApiKeys, revokeApiKey } from "../../jobs/api-keys.ts";
import { createLoginLink } from "../../jobs/login-links.ts";
import { createSession, endSession } from "../../jobs/sessions.ts";
import { done } from "../../outcome.ts";
import type { Handlers, PublicHandlers, PublicRouteId } from "../handlers.ts";
import type { HandlerContext } from "./context.ts";

export function authHandlers(
  context: HandlerContext,
): Handlers<Exclude<keyof typeof authRoutes, PublicRouteId>> {
  const { deps, secure } = context;
  return {
    listApiKeys: (_request, caller) => listApiKeys(deps, caller),
    createApiKey: ({ body }, caller) => createApiKey(deps, caller, body),
    revokeApiKey: ({ params }, caller) => revokeApiKey(deps, caller, params),
    createLoginLink: (_request, caller) => createLoginLink(deps, caller, { publicUrl: context.publicUrl() }),
    endSession: async (_request, caller, reply) => {
      reply.header("set-cookie", endedSessionCookie(secure));
      return endSession(deps, caller);
    },
    whoami: async (_request, caller) =>
      done({
        ...caller,
        scopes: [...caller.scopes],
        taskId: caller.taskId ?? null,
        contractId: caller.contractId ?? null,
      }),
  };
}

export function publicHandlers(context: HandlerContext): PublicHandlers {
  const { deps, secure } = context;
  return {
    createSession: async ({ body }, reply) => {
      const tooOften = await context.signIns.refuse(reply.request);
      if (tooOften) return { ok: false, refusal: tooOften };
      const outcome = await createSession(deps, { ...body, ttlSecs: context.sessionTtlSecs });
      if (!outcome.ok) {
        await context.signIns.failed(reply.request);
        return outcome;
      }
      const { token, owner, expiresAt } = outcome.value;
      reply.header("set-cookie", sessionCookie(token, new Date(expiresAt), secure));
      return done({ owner, expiresAt });
    },
    health: async () =>
      done({
        status: "ok",
        version: MAKIMA_VERSION,
        instanceId: context.instanceId,
        uptimeSecs: (deps.now() - context.startedAt) / 1000,
      }),
    ready: async () => {
      const refusal = await context.ready();
      return refusal ? { ok: false, refusal } : done({ status: "ready" });
    },
  };
}
