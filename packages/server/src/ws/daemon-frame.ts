/**
 * Frames of daemons. A frame that is not understood ends the connection; a single report that is not, inside
 * a batch that is, goes on to be put aside: the daemon would send it again for ever, and all behind it.
 */
import type { RawData } from "ws";
import { z } from "zod";
import { daemonFrameSchema, reportSchema, type DaemonFrame, type Report } from "@makima/protocol/daemon-wire";
import { decodeJson, firstIssue, type Decoded } from "./frames.ts";

const batchSchema = z.object({
  type: z.literal("reports"),
  first: z.int().min(1),
  items: z.array(z.unknown()).min(1),
});

export function decodeDaemonFrame(data: RawData, isBinary: boolean): Decoded<DaemonFrame> {
  const json = decodeJson(data, isBinary);
  if (!json.ok) return json;
  const { bytes } = json;
  const parsed = daemonFrameSchema.safeParse(json.frame);
  if (parsed.success) return { ok: true, frame: parsed.data, bytes };
  const batch = batchSchema.safeParse(json.frame);
  if (!batch.success)
    return { ok: false, message: `The frame is not understood: ${firstIssue(parsed.error)}.` };
  return { ok: true, frame: { ...batch.data, items: batch.data.items.map(reportOf) }, bytes };
}

/**
 * Of a type that no job knows, with all that the daemon said in it: `applyReports` puts it aside with its
 * number, where it can be looked at.
 */
function reportOf(item: unknown): Report {
  const parsed = reportSchema.safeParse(item);
  if (parsed.success) return parsed.data;
  return { type: "notUnderstood", problem: firstIssue(parsed.error), report: item } as unknown as Report;
}
