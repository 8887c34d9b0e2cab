/** Every REST route, one table: the server mounts all of it, tests walk all of it. */
import { authRoutes } from "./auth.ts";
import { contractRoutes } from "./contracts.ts";
import { meshRoutes } from "./mesh.ts";
import { taskRoutes } from "./tasks.ts";

export const routes = { ...contractRoutes, ...taskRoutes, ...meshRoutes, ...authRoutes } as const;

export type RouteId = keyof typeof routes;
