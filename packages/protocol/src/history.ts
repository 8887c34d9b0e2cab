/** One entry of a task's history: output, gate, check, checkpoint, question, change of state. */
import { z } from "zod";

export const MESSAGE_TYPES = [
  "assistant",
  "thinking",
  "tool_use",
  "tool_result",
  "user",
  "system",
  "raw",
  "stderr",
  "result",
  "iteration",
  "gate",
  "check",
  "checkpoint",
  "supervisor_question",
  "permission_request",
  "answer",
  "usage",
  "state",
  "setup",
  "notice",
  "error",
] as const;
export type MessageType = (typeof MESSAGE_TYPES)[number];

export const outputEntrySchema = z.object({
  at: z.iso.datetime(),
  messageType: z.enum(MESSAGE_TYPES),
  content: z.string(),
  toolName: z.string().optional(),
  toolInput: z.unknown().optional(),
  isError: z.boolean().optional(),
  costUsd: z.number().optional(),
  durationMs: z.int().optional(),
  isPartial: z.boolean().optional(),
});
/** An entry as a daemon writes it. */
export type OutputEntry = z.infer<typeof outputEntrySchema>;

export const historyEntrySchema = outputEntrySchema.extend({
  /** Number of the entry within its task, from 1, without gaps. */
  seq: z.int().min(1),
  runId: z.string().optional(),
});
/** An entry as the server stores and shows it. */
export type HistoryEntry = z.infer<typeof historyEntrySchema>;
