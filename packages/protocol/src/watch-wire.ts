/**
 * The wires that faces listen to.
 *
 * `WS /api/v1/contracts/monitor` carries the owner's events in order; `WS /api/v1/mesh/tasks/subscribe` the
 * history of tasks as it grows. Both resume from a number, and answer `gap` when what lies between cannot
 * be had in one piece (too old, or the client read too slowly): the client then fetches over REST.
 */
import { z } from "zod";
import { CONTRACT_STATUSES } from "@makima/core/contract";
import { eventSchema } from "./api/contracts.ts";
import { taskSchema } from "./api/task-schema.ts";
import { historyEntrySchema } from "./history.ts";

export const monitorFilterSchema = z.strictObject({
  contractIds: z.array(z.string()).max(500).optional(),
  statuses: z.array(z.enum(CONTRACT_STATUSES)).optional(),
  includeStale: z.boolean().default(true),
  includeHeartbeats: z.boolean().default(false),
  /** Only events with a higher number; left out: from now on. */
  since: z.int().min(0).optional(),
});
export type MonitorFilter = z.infer<typeof monitorFilterSchema>;

export const monitorFrameSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("ready"), seq: z.int() }),
  z.object({ type: z.literal("event"), event: eventSchema }),
  z.object({ type: z.literal("gap"), from: z.int(), to: z.int() }),
  z.object({ type: z.literal("error"), code: z.string(), message: z.string() }),
]);
export type MonitorFrame = z.infer<typeof monitorFrameSchema>;

export const subscribeFrameSchema = z.discriminatedUnion("type", [
  /** Entries with a number above `after`, then everything new. */
  z.strictObject({ type: z.literal("subscribe"), taskId: z.string(), after: z.int().min(0).default(0) }),
  z.strictObject({ type: z.literal("unsubscribe"), taskId: z.string() }),
]);
export type SubscribeFrame = z.infer<typeof subscribeFrameSchema>;

export const taskFrameSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("entries"), taskId: z.string(), items: z.array(historyEntrySchema) }),
  /** Sent at subscription and at each change of the task. */
  z.object({ type: z.literal("task"), task: taskSchema }),
  z.object({ type: z.literal("gap"), taskId: z.string(), from: z.int(), to: z.int() }),
  z.object({
    type: z.literal("error"),
    taskId: z.string().optional(),
    code: z.string(),
    message: z.string(),
  }),
]);
export type TaskFrame = z.infer<typeof taskFrameSchema>;
