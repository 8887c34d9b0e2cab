/** Every route of the contract has its handler here, or this file does not compile. */
import type { FastifyInstance } from "fastify";
import { strict as assert } from "node:assert";
import type { Route } from "@makima/protocol/api/route";
import { routes, type RouteId } from "@makima/protocol/api/routes";
import { authHandlers, publicHandlers } from "./handlers/auth.ts";
import type { HandlerContext } from "./handlers/context.ts";
import { contractHandlers } from "./handlers/contracts.ts";
import { meshHandlers } from "./handlers/mesh.ts";
import { taskHandlers } from "./handlers/tasks.ts";
import {
  mount,
  mountPublic,
  type AnyHandler,
  type AnyPublicHandler,
  type Handler,
  type MountOptions,
  type PublicHandler,
} from "./mount.ts";

/** Routes that need no key; the same as those whose access is "public", which is checked as they are mounted. */
export type PublicRouteId = "createSession" | "health" | "ready";

export type Handlers<K extends RouteId> = { [P in K]: Handler<(typeof routes)[P]> };
export type PublicHandlers = { [P in PublicRouteId]: PublicHandler<(typeof routes)[P]> };

export function mountRoutes(app: FastifyInstance, context: HandlerContext, options: MountOptions): void {
  const withKey = {
    ...contractHandlers(context),
    ...taskHandlers(context),
    ...meshHandlers(context),
    ...authHandlers(context),
  } satisfies Handlers<Exclude<RouteId, PublicRouteId>>;
  const withoutKey = publicHandlers(context);

  for (const [id, route] of Object.entries(routes) as [RouteId, Route][]) {
    assert.equal(route.id, id, `route ${route.id} is listed as ${id}`);
    if (id in withoutKey) {
      assert.equal(route.access, "public", `${id} would be open to all`);
      mountPublic(app, route, withoutKey[id as PublicRouteId] as AnyPublicHandler);
    } else {
      assert.notEqual(route.access, "public", `${id} says that it is public`);
      mount(app, route, withKey[id as keyof typeof withKey] as AnyHandler, options);
    }
  }
}
