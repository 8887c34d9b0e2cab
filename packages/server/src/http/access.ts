/** What a caller must be to reach a route: kind of principal, and scope. What it may touch, jobs decide. */
import type { SCOPES } from "@makima/protocol/api/auth";
import type { Route } from "@makima/protocol/api/route";
import type { RouteId } from "@makima/protocol/api/routes";
import type { Caller } from "../deps.ts";
import type { Refusal } from "../outcome.ts";

export type Scope = (typeof SCOPES)[number];

/**
 * Routes whose scope does not follow from their method. Keys, login links and daemons reach further than
 * the caller's own work, so they need `admin`; who one is and signing out need none.
 */
const SCOPE_OF: Partial<Record<RouteId, Scope | "none">> = {
  listApiKeys: "admin",
  createApiKey: "admin",
  revokeApiKey: "admin",
  createLoginLink: "admin",
  drainDaemon: "admin",
  submitAuthCode: "admin",
  endSession: "none",
  whoami: "none",
};

export function scopeOf(route: Route): Scope | "none" {
  return SCOPE_OF[route.id as RouteId] ?? (route.method === "GET" ? "read" : "write");
}

/** Undefined when the caller may pass. */
export function refuseAccess(route: Route, caller: Caller): Refusal | undefined {
  if (route.access !== "public" && !route.access.includes(caller.principal)) {
    return { code: "FORBIDDEN", detail: `A ${caller.principal}'s key may not do this.` };
  }
  return refuseScope(scopeOf(route), caller);
}

export function refuseScope(scope: Scope | "none", caller: Caller): Refusal | undefined {
  if (scope === "none" || caller.scopes.includes(scope)) return undefined;
  return {
    code: "FORBIDDEN",
    detail: `This needs a key with the scope "${scope}"; yours has ${caller.scopes.join(", ") || "none"}.`,
    details: { needed: scope, scopes: [...caller.scopes] },
  };
}
